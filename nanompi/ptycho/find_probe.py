"""A start probe from the data alone.

The mean frame shows the intensity of the probe at the detector; its phase is not known, but a lens leaves mainly a
quadratic one, the defocus: P = F^-1[sqrt(mean I) exp(i pi g k^2)]. One number g is missing. It is found by trying: for
each of some g, of both signs, a few iterations on some frames in the middle of the scan, and the g whose model meets these
frames best is taken. The candidates are shared out over the ranks; each is tried by one rank alone, so that the answer does
not depend on their number.

In the near field the mean frame itself, brought back to the sample, is the probe.
"""

import numpy as np

from nanompi.ptycho.engines.engine import run_chain
from nanompi.ptycho.engines.ml import ML
from nanompi.ptycho.positions import place
from nanompi.ptycho.problem import Problem
from nanompi.ptycho.quality import figures
from nanompi.team import Team

WIDTHS = np.linspace(0.03, 0.30, 10)  # rms radius of the probe in parts of the frame
FRAMES, ITERATIONS, MEMORY = 64, 10, 256 << 20


def find_probe(run, p, geometry) -> np.ndarray:
    """(1, h, w) complex, equal on all ranks; p : the problem, of which frames and places are used"""
    wave = np.sqrt(mean_frame(p))
    if geometry.focus is not None:
        return p.device.host(p.optics.backward(p.device.array(wave[None], p.device.complex)))
    trial = subset(run, p, geometry)
    tried = [(w * s) for w in WIDTHS for s in (1, -1)]
    own = {i: score(trial, defocused(wave, tried[i])) for i in range(run.team.rank, len(tried), run.team.size)}
    scores = {i: v for part in run.team.allgather(own) for i, v in part.items()}
    best = min(scores, key=lambda i: (scores[i], i))
    run.say(f"start probe from the data: rms radius {abs(tried[best]):.2f} of the frame, "
            f"{'positive' if tried[best] > 0 else 'negative'} curvature (deviance {scores[best]:.4g} of "
            f"{min(scores.values()):.4g} to {max(scores.values()):.4g})")  # fmt: skip
    return defocused(wave, tried[best])[None]


def mean_frame(p) -> np.ndarray:
    """(h, w) float64, mean counts over all frames of all ranks; 0 where masked"""
    total = np.zeros(p.mask.shape)
    for counts in p.I:
        total += np.maximum(counts, 0)
    p.team.sum(total)
    return total * p.mask / len(p.places.at)


def defocused(wave, width) -> np.ndarray:
    """F^-1[wave exp(i pi g k^2)], g such that the rms radius is |width| of the frame; (h, w) complex64

    A phase pi g k^2 (k in cycles per pixel) moves what has frequency k by g k pixels.
    """
    h, w = wave.shape
    ky, kx = np.fft.fftfreq(h)[:, None], np.fft.fftfreq(w)
    I = wave**2 / (wave**2).sum()
    k2 = (ky - (I * ky).sum()) ** 2 + (kx - (I * kx).sum()) ** 2
    g = width * np.sqrt(h * w) / np.sqrt((I * k2).sum())
    return np.fft.fftshift(np.fft.ifft2(wave * np.exp(1j * np.pi * g * k2))).astype(np.complex64)


def subset(run, p, geometry) -> Problem:
    """The frames in the middle of the scan, on every rank, as a problem of its own"""
    d, shape = p.device, p.mask.shape
    count = max(4, min(FRAMES, len(p.places.at), MEMORY // (4 * p.mask.size)))
    middle = np.median(p.places.corners, axis=0)
    chosen = np.argsort(((p.places.corners - middle) ** 2).sum(1), kind="stable")[:count]
    I, gain = np.zeros((len(chosen), *shape), np.float32), np.zeros(len(chosen), np.float64)
    mine = {g: j for j, g in enumerate(run.made["frames"].index)}
    for k, g in enumerate(chosen):
        if int(g) in mine:
            I[k], gain[k] = d.host(p.I[mine[int(g)]]), d.host(p.gain)[mine[int(g)]]
    run.team.sum(I)
    run.team.sum(gain)
    places = place(run.scan.positions[chosen], geometry.pixel, shape)
    return Problem(
        team=Team(alone=True), device=d, optics=p.optics, places=places, O=d.array(np.ones(places.shape), d.complex),
        P=d.array(np.ones((1, *shape)), d.complex), at=d.array(places.at), I=d.array(I), mask=p.mask, gain=d.array(gain, d.real),
    )  # fmt: skip


def score(trial, P) -> float:
    """How well do a few iterations from this probe meet the frames: mean deviance per pixel"""
    trial.O[...] = 1
    trial.P[...] = P * np.sqrt(trial.counts / len(trial.at) / (np.abs(P) ** 2).sum())
    run_chain([ML(iterations=ITERATIONS)], trial, ITERATIONS, lambda text: None)
    return figures(trial)["deviance"]
