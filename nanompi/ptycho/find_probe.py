"""A start probe from the data alone.

The mean frame shows the intensity of the probe at the detector; its phase is not known, but a lens leaves
mainly a quadratic one, the defocus: P = F^-1[sqrt(mean I) exp(i pi g k^2)]. One number is missing, told
here as the signed width f of the beam at the sample: its rms radius in parts of the frame. It is found by
trying: a few iterations of AP on the frames in the middle of the scan for many f, of both signs, then for
some around the best; the one whose model meets these frames best is taken. The candidates are shared out
over the ranks and each is tried by one rank alone, so that the answer does not depend on their number.

In the near field the mean frame itself, brought back to the sample, is the probe.
"""

import numpy as np

from nanompi.optics.propagate import propagator
from nanompi.ptycho.engines.engine import When
from nanompi.ptycho.engines.projections import AP
from nanompi.ptycho.positions import place
from nanompi.ptycho.problem import Problem
from nanompi.ptycho.scale import CENTRE, seen
from nanompi.team import Team

WIDEST = 0.3  # rms radius of the beam that leaves some of the frame dark
FRAMES, ITERATIONS, MEMORY = 50, 10, 256 << 20


def find_probe(run, p, geometry) -> np.ndarray:
    """(1, h, w) complex, equal on all ranks; p : the problem, of which frames and places are used"""
    wave = np.sqrt(mean_frame(p))
    if geometry.focus is not None:
        wave = np.where(p.device.host(p.mask) > 0, wave, np.median(wave))
        z = p.device.array(wave[None, None], p.device.complex)
        return p.device.host(propagator(p.device, geometry).backward(z, p.device.array(CENTRE))[0])
    trial, step = subset(run, p, geometry), 0.5 / spread(wave)
    n = int(WIDEST / step)
    tried = attempt(run, trial, wave, [i * step for i in range(-n, n + 1)])
    for _ in range(2):  # the coarse step is what the depth of focus allows; two halvings around the best
        step, best = step / 2, min(tried, key=tried.get)
        tried |= attempt(run, trial, wave, [best - step, best + step])
    best = min(tried, key=tried.get)
    run.say(
        f"start probe from the data: rms radius {best:+.3f} of the frame, the sign is that of the curvature "
        f"(misfit {tried[best]:.3f}; {len(tried)} tried, up to {max(tried.values()):.3f})"
    )
    return defocused(wave, best)[None]


def attempt(run, trial, wave, widths) -> dict[float, float]:
    """misfit of each width, shared out over the ranks; equal on all ranks"""
    team, own = run.team, {}
    for f in widths[team.rank :: team.size]:
        own[f] = misfit(trial, defocused(wave, f))
        run.clock.tick()
    return {f: v for part in team.allgather(own) for f, v in part.items()}


def misfit(trial, P) -> float:
    """sqrt(sum (|F| - sqrt I)^2 / sum I) after a few iterations from this probe and a flat object"""
    trial.O[...] = 1
    P = P * np.sqrt(trial.counts / len(trial.at) / seen(trial, P[None]))
    trial.P[0] = trial.device.array(P, trial.P.dtype)
    engine = AP(probe=When(after=2))
    engine.start(trial)
    return [engine.iterate(trial, i)["error"] for i in range(ITERATIONS)][-1]


def mean_frame(p) -> np.ndarray:
    """(h, w) float64, mean counts over all frames of all ranks; 0 where masked"""
    total = p.xp.zeros(p.mask.shape)
    for block in p.blocks(read=["I"]):  # added up at once: all sums together may exceed the frames
        for part in p.each(lambda b: p.xp.maximum(b.I, 0).sum(0, dtype=np.float64), block):
            total += part
    total = p.device.host(total)
    p.team.sum(total)
    return total * p.device.host(p.mask) / len(p.places.at)


def spread(wave) -> float:
    """rms radius of |wave|^2 about its centre, in detector pixels (zero frequency at [0, 0])"""
    return float(np.sqrt((wave**2 * _k2(wave)).sum() / (wave**2).sum()) * np.sqrt(wave.size))


def defocused(wave, width) -> np.ndarray:
    """F^-1[wave exp(i pi g k^2)], g such that the rms radius is `width` of the frame; (h, w) complex64

    A phase pi g k^2 (k in cycles per pixel) moves what has frequency k by g k pixels.
    """
    k2 = _k2(wave)
    g = width * np.sqrt(wave.size) / np.sqrt((wave**2 * k2).sum() / (wave**2).sum())
    return np.fft.fftshift(np.fft.ifft2(wave * np.exp(1j * np.pi * g * k2))).astype(np.complex64)


def _k2(wave):
    """Squared distance from the centre of |wave|^2, in (cycles per pixel)^2"""
    I = wave**2 / (wave**2).sum()
    ky, kx = (np.fft.fftfreq(n) for n in wave.shape)
    return ((ky - I.sum(1) @ ky) ** 2)[:, None] + (kx - I.sum(0) @ kx) ** 2


def subset(run, p, geometry) -> Problem:
    """The frames in the middle of the scan, on every rank, as a problem of its own"""
    d, shape = p.device, p.mask.shape
    count = max(4, min(FRAMES, len(p.places.at), MEMORY // (4 * p.mask.size)))
    middle = np.median(p.places.corners, axis=0)
    chosen = np.argsort(((p.places.corners - middle) ** 2).sum(1), kind="stable")[:count]
    I, gain = np.zeros((len(chosen), *shape), np.float32), np.zeros(len(chosen), np.float64)
    frames, gains = run.made["frames"], d.host(p.gain)
    mine = {g: j for j, g in enumerate(frames.index)}
    for k, g in enumerate(chosen):
        if int(g) in mine:
            I[k], gain[k] = frames.counts[mine[int(g)]], gains[mine[int(g)]]
    run.team.sum(I)
    run.team.sum(gain)
    places = place(run.scan.positions[chosen], geometry.pixel, shape)
    return Problem(
        team=Team(alone=True),
        device=d,
        optics=p.optics,
        places=places,
        O=d.array(np.ones(places.shape), d.complex),
        P=d.array(np.ones((1, *shape)), d.complex),
        at=d.array(places.at),
        I=d.counts(I.astype(frames.counts.dtype)),
        mask=p.mask,
        gain=d.array(gain, d.real),
        noise=p.noise,
    )
