"""A problem in memory, as a scan of this size would give it; for engines and kernels."""

import numpy as np

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho.beam import defocused
from nanompi.methods.ptycho.coverage import outside_in
from nanompi.methods.ptycho.modes import extra_modes
from nanompi.methods.ptycho.partition import walk
from nanompi.methods.ptycho.positions import Shifts, place
from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.read.scene import diffuse_probe
from nanompi.methods.ptycho.scan import Frames
from nanompi.methods.ptycho.share import open_share
from nanompi.mpi.team import Team
from nanompi.optics.geometry import Geometry
from nanompi.optics.propagate import propagator

WHOLE = (1, 0.0)  # a grid of whole pixels, on which no frame moves
FOCUS = 5e-3  # m, from focus to sample in the near field


def assemble(I, places, O, P, geometry, device=None) -> Problem:
    """A problem of this rank from its frames (FFT order), the places of all, and start values.

    As in a run the ranks exchange what they share of the object where that is less than all of it, and begin
    with the frames that see it.
    """
    team, device = Team(), device or Cpu("single", 1)
    parts, optics = (
        np.array_split(np.arange(len(places.at)), team.size),
        propagator(device, geometry, places.rests),
    )
    if team.size > 1:
        first, parts = parts[team.rank][0], outside_in(places.at[:, :2].astype(float), parts)
        I = I[parts[team.rank] - first]
    own = parts[team.rank]
    frames = Frames(
        values=I, index=own, mask=np.ones(geometry.shape, bool), corner=True, pixel=geometry.pixel
    )
    share, _ = open_share("auto", team, device, places, own, geometry.shape)
    p = Problem.of(team, device, frames, places, optics, share)
    p.O, p.P = device.array(share.part(O), device.complex), device.array(P, device.complex)
    return p


def from_file(path: str) -> Problem:
    """A common problem (see quality.py) with its poor start probe, one rank, one thread."""
    import h5py

    with h5py.File(path) as f:
        I = np.ascontiguousarray(np.fft.ifftshift(f["frames"][()], axes=(1, 2)))
        where = np.stack([f["y_m"][()], f["x_m"][()]], 1)
        pixel, P = float(f["pixel_size_m"][()]), f["probe_guess"][()][None]
    geometry = Geometry(1e-10, pixel * I.shape[1] * 75e-6 / 1e-10, (75e-6, 75e-6), I.shape[1:])
    places = place(where, geometry.pixel, geometry.shape)
    return assemble(I, places, np.ones(places.shape), P, geometry)


def spiral(n: int, frames: int, grid: tuple[int, float] = WHOLE, near: bool = False):
    """(geometry, places) of a golden spiral of frames of n² with 68 % overlap, in the order in which a run
    walks through them.

    grid : (q, reach); positions lie on whole pixels, or with q > 1 anywhere: then in steps of 1/q pixel;
        reach is in px, how far frames may move. near : in the near field, behind a focus
    """
    q, reach = grid
    geometry = Geometry(1.2398e-10, 2.0, (75e-6, 75e-6), (n, n), FOCUS if near else None)
    i = np.arange(frames)
    r, angle = 0.11 * n / np.sqrt(np.pi) * np.sqrt(i), i * np.deg2rad(137.50776405)
    where = np.stack([r * np.sin(angle), r * np.cos(angle)], 1)
    where = where[walk(where)] * geometry.pixel
    places = place(where, geometry.pixel, (n, n), q, reach)
    return geometry, places if q > 1 else place(places.at[:, :2] * geometry.pixel, geometry.pixel, (n, n))


def lens(n: int, modes: int, pixel, photons: float) -> np.ndarray:
    """(modes, n, n) complex64: a defocused lens"""
    k = np.hypot(np.fft.fftfreq(n, 1 / n)[:, None], np.fft.fftfreq(n, 1 / n))
    P = defocused(0.5 * (1 - np.tanh((k - 0.14 * n) / 1.5)) + 1e-9, 0.12, pixel)[None]
    return extra_modes(P * np.sqrt(photons / (abs(P) ** 2).sum()), modes).astype(np.complex64)


def diffuse(n: int, modes: int, photons: float) -> np.ndarray:
    """(modes, n, n) complex64: a wide beam behind a diffuser, for the near field"""
    return extra_modes(diffuse_probe(n, photons, np.random.default_rng(1)), modes).astype(np.complex64)


def problem(n: int, frames: int, modes: int = 1, device=None, grid=WHOLE, near: bool = False) -> Problem:
    """A `spiral` over a random object, uint16 counts of 1e6 photons a frame; the frames are shared out over
    the ranks. grid, near : as for `spiral`"""
    rng, team, host = np.random.default_rng(0), Team(), Cpu("single", 1)
    geometry, places = spiral(n, frames, grid, near)
    P = diffuse(n, modes, 1e6) if near else lens(n, modes, geometry.pixel, 1e6)
    O = (0.8 + 0.2 * rng.random(places.shape)) * np.exp(1j * rng.random(places.shape)).astype(np.complex64)
    O, library = O.astype(np.complex64), Shifts(host, places.rests, (n, n)).library(P)
    own = np.array_split(np.arange(frames), team.size)[team.rank]
    optics = propagator(host, geometry, places.rests)
    I = np.empty((len(own), n, n), np.uint16)
    for k, j in enumerate(own):
        z, at = np.empty((1, *P.shape), np.complex64), places.at[j : j + 1]
        host.kernels.exit_waves(O, library, at, z)
        a = optics.gain * (abs(optics.forward(z, at)) ** 2).sum((0, 1))
        I[k] = np.random.default_rng([0, j]).poisson(a)
    return assemble(I, places, np.ones(places.shape), P, geometry, device)


def empty(n: int, frames: int, modes: int, device, grid=WHOLE) -> Problem:
    """The same without photons: for a device that computes nothing."""
    geometry, places = spiral(n, frames, grid)
    I, P = np.zeros((frames, n, n), np.uint16), lens(n, modes, geometry.pixel, 1e6)
    return assemble(I, places, np.ones(places.shape), P, geometry, device)
