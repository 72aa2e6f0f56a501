"""A small simulated ptychography problem with its truth, for tests of engines on any number of ranks."""

from dataclasses import replace

import numpy as np

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho import vary
from nanompi.methods.ptycho.flux import begin
from nanompi.methods.ptycho.positions import Shifts, place
from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.scan import Frames
from nanompi.methods.ptycho.share import open_share
from nanompi.mpi.team import Team
from nanompi.optics.geometry import Geometry
from nanompi.optics.propagate import propagator


def truth(shape, rng):
    """A smooth complex object with structure: amplitude 0.6..1, phase 0..1 rad"""
    y, x = np.indices(shape)
    waves = (
        sum(
            np.sin(rng.uniform(0.1, 0.8) * y + rng.uniform(0.1, 0.8) * x + rng.uniform(0, 6))
            for _ in range(8)
        )
        / 8
    )
    return (0.8 + 0.2 * waves) * np.exp(1j * (0.5 + 0.5 * waves))


def lens(n, photons, modes=1):
    """(modes, n, n): a defocused lens probe; further modes are weaker derivatives of it"""
    k = np.fft.fftfreq(n) * n
    r = np.hypot(k[:, None], k)
    pupil = 0.5 * (1 - np.tanh((r - 0.2 * n) / 1.5)) * np.exp(1j * 0.6 * np.pi / n * 2 * r**2)
    P = np.fft.fftshift(np.fft.ifft2(pupil))
    x = np.arange(n) - n // 2
    P = np.array([P, 0.05 * x * P, 0.05 * x[:, None] * P][:modes])
    return P * np.sqrt(photons / (abs(P) ** 2).sum())


def problem(
    precision="double",
    frames=36,
    n=32,
    modes=1,
    photons=1e5,
    subpixel=1,
    near=False,
    step=0.12,
    threads=1,
    seed=1,
    device=None,
    combine="allreduce",
    varies=0,
    out=None,
    only=None,
    flux=0.0,
    back=0.0,
):
    """(problem of this rank, true object at the problem's pixels, true probe); start: flat object, blurred
    probe. step : from frame to frame, in sides of a frame; varies : in so many shapes the probe may be
    another one for each frame; out : (frames,) bool, those left out; only : those measured at all; flux : rms
    of the brightness of the beam, which is looked for; back : counts of each pixel that do not come through
    the object, which are known"""
    rng, team, host = np.random.default_rng(seed), Team(), Cpu(precision, threads)
    geometry = Geometry(1e-10, 1.0, (50e-6, 50e-6), (n, n), 2e-3 if near else None)
    side = int(np.sqrt(frames))
    grid = step * n * (np.stack(np.divmod(np.arange(frames), side), 1) + rng.uniform(-0.3, 0.3, (frames, 2)))
    grid = grid if subpixel > 1 else np.rint(grid)
    places = place(grid * geometry.pixel, geometry.pixel, (n, n), subpixel)
    O, P = truth(places.shape, rng), lens(n, photons, modes)
    known = np.arange(frames) if only is None else np.flatnonzero(only)
    own = np.array_split(known, team.size)[team.rank]
    own = own if out is None else own[np.argsort(out[own], kind="stable")]
    arrays = {
        "O": O.astype(host.complex),
        "P": P.astype(host.complex),
        "at": np.ascontiguousarray(places.at[own]),
        "mask": np.ones((n, n), host.real),
        "gain": (propagator(host, geometry).gain * brightness(flux, frames, seed)[own]).astype(host.real),
    }
    I = counts(arrays, host, propagator(host, geometry, places.rests), places, own, seed, back)
    device = device or host
    if only is not None:
        places, own = replace(places, at=places.at[known]), np.searchsorted(known, own)
    share, _ = open_share(combine, team, device, places, own, (n, n), out)
    frames = Frames(values=I, index=own, mask=np.ones((n, n), bool), corner=not near, pixel=geometry.pixel)
    p = Problem.of(team, device, frames, places, propagator(device, geometry, places.rests), share, out)
    p.O, p.P = device.array(np.ones(share.shape), device.complex), device.array(arrays["P"])
    start = P * np.exp(-((np.arange(n) - n / 2) ** 2) / (0.3 * n) ** 2 / 2)
    start *= np.sqrt(photons / (abs(start) ** 2).sum())
    p.P[...], p.background = device.array(start, device.complex), back
    if flux:
        begin(p, monitored=False)
    if varies:
        vary.begin(p, varies)
    return p, O, P


def brightness(rms, frames, seed):
    """(frames,) of the beam, with a mean of 1"""
    bright = 1 + rms * np.clip(np.random.default_rng([seed, 1]).standard_normal(frames), -2.5, 2.5)
    return bright / bright.mean()


def counts(arrays, host, optics, places, own, seed, back=0.0):
    """Poisson counts of this rank's frames, (n, h, w) uint16, the same for any number of ranks"""
    O, P, at, _, gain = arrays.values()
    z = np.empty((len(own), *P.shape), P.dtype)
    host.kernels.exit_waves(O, Shifts(host, places.rests, P.shape[-2:]).library(P), at, z)
    a = gain[:, None, None] * (abs(optics.forward(z, at)) ** 2).sum(1) + back
    return np.array([np.random.default_rng([seed, j]).poisson(i) for j, i in zip(own, a)], np.uint16)


def phase_error(p, O) -> float:
    """rms phase difference (rad) to the true object where it is well lit, constant and ramp removed"""
    weight = p.object_weights(p.shifts.library(p.P))
    lit = weight > 0.3 * np.percentile(weight[weight > 0.05 * weight.max()], 95)
    d = p.O * O.conj()
    for axis in (0, 1):
        a, b = np.take(d, range(1, d.shape[axis]), axis), np.take(d, range(d.shape[axis] - 1), axis)
        slope = np.angle((a * b.conj() * np.take(lit, range(1, d.shape[axis]), axis)).sum())
        ramp = np.exp(-1j * slope * np.arange(d.shape[axis]))
        d = d * (ramp[:, None] if axis == 0 else ramp)
    d = d * np.exp(-1j * np.angle(d[lit].sum()))
    return float(np.sqrt((np.angle(d[lit]) ** 2).mean()))
