"""Presolve: the scan at half resolution first, then all of it from the object and probe found there.

In the far field the middle half of the detector is the same scan with pixels of the object twice as large. An
iteration costs a third, and engines find an object of several rad more easily. What lies beyond the middle is
missing in its model: of objects of 6 rad its deviance at the truth was 3 and 54 times that of noise. So it is
no end, but a start (benchmarks/results/starts.md). The probe is cut out of its Fourier transform and laid
back into it, the object is resampled (`nanompi.optics.resample`), the flux of the frames is kept. Frames
left out stay left out.

It is a problem of its own over the same ranks with the same frames, which are copied: it takes a quarter of
the memory of frames and waves more, until it ends. Checkpoints hold its state (`of_presolve`); the file
`stop` ends it, and after an iteration of `engines` the run, which has a full result so.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from nanompi.errors import DataError, JobError, common
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.state import PRESOLVE, of_presolve
from nanompi.methods.ptycho.halves import numbered
from nanompi.methods.ptycho.positions import Places
from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.scan import Frames
from nanompi.methods.ptycho.share import open_share
from nanompi.methods.ptycho.view import view
from nanompi.optics.propagate import propagator
from nanompi.optics.resample import resampled

SMALLEST = 32  # pixels of a frame along a side: a probe needs some pixels at half resolution, too
GRID = 8  # places in parts of a pixel, at least
BEYOND = 2  # pixels of object behind the last frame


def check_presolve(before: list, engines: list, focus: float | None, shape=(SMALLEST, SMALLEST)):
    """Can these engines run before those at half resolution? Errors: JobError."""
    if focus is not None:
        raise JobError(
            "ptycho.presolve: the middle of the detector shows the same scan at half resolution in the far "
            "field alone, and this one is in the near field (input.focus); take presolve out"
        )
    if not sum(e.iterations for e in before):
        raise JobError("ptycho.presolve: no iteration stands in it; write `presolve: DM*50`")
    if not sum(e.iterations for e in engines):
        raise JobError(
            "ptycho.engines: no iteration at full resolution comes after presolve; write `engines: DM*40 "
            "ML*50`"
        )
    if min(shape) < SMALLEST:
        raise JobError(
            f"ptycho.presolve: frames of {shape[0]} x {shape[1]} pixels are too small to be halved, "
            f"{SMALLEST} x {SMALLEST} at least are needed; take presolve out"
        )


def presolve(p: Problem, geometry, engines: list, every: int, say, control=None):
    """Object, probe and flux of p from engines that run at half resolution; their history is
    p.state["presolve"] (collective).

    every, say, control : as `run_chain` has them
    Errors: JobError, DataError, NumbersError, Stopped, ResourceError.
    """
    q = halved(p, geometry)
    if not q.counts:
        raise common(DataError("ptycho.presolve: the middle half of the detector has no counts; take it out"))
    (h, w), part = q.mask.shape, 100 * q.counts / max(p.counts, 1e-300)
    say(
        f"presolve: at half resolution, the middle {h} x {w} pixels of the detector with {part:.3g} % of the "
        "counts"
    )
    shown = replace(geometry, shape=q.mask.shape).pixel
    kept = Kept(control, partial(view, q, shown)) if control else None
    p.state["presolve"] = run_chain(engines, q, every, lambda text: say(f"presolve {text}"), control=kept)
    if kept:
        kept.close()
    hand_over(p, q)


@dataclass
class Kept:
    """The control of a presolve: it is kept as other iterations are, but others follow it.

    control : nanompi.run.control.Control; view : of the problem at half resolution, while it runs
    """

    control: Any
    view: Callable

    def first(self):
        """Its iterations begin, or go on from a state of it that was kept."""
        self.before, self.control.view = self.control.view, self.view
        saved = self.control.first()
        return saved if of_presolve(saved) else None

    def back(self, done: int):
        """As of `Control`"""
        self.control.back(done)

    def turn(self, state: Callable) -> bool:
        """After each iteration (collective): True = it ends early. Errors: Stopped, ResourceError."""
        return self.control.part(partial(_marked, state))

    def close(self):
        """The presolve is over: what is shown is the object of the engines again."""
        self.control.view = self.before


def _marked(state: Callable):
    kept = state()
    kept.facts[PRESOLVE] = True
    return kept


# ---- down to half resolution


def halved(p: Problem, geometry) -> Problem:
    """The problem of the middle half of the detector: the frames of p that are not left out (collective)."""
    d, shape = p.device, p.mask.shape
    half = tuple(n // 2 for n in shape)
    some = np.zeros(len(p.places.at), bool)
    some[np.concatenate(p.team.allgather(p.index))] = True
    places, index = numbered(p, some, p.index)
    places = coarse(places, shape, half)
    share, _ = open_share(p.share.way, p.team, d, places, index, half)
    optics = propagator(d, replace(geometry, shape=half), places.rests)
    q = Problem.of(p.team, d, middle(p, half, index, geometry.detector), places, optics, share)
    larger = d.real(optics.gain / p.optics.gain)
    q.gain, q.given, q.fluctuates = p.gain * larger, p.given * larger, p.fluctuates
    q.P = d.array(cut_out(d.host(p.P), half), d.complex)
    begin(q, p.whole(), shape)
    return q


def coarse(places: Places, shape, half) -> Places:
    """The same places in pixels that are larger by shape / half."""
    corners, grid = (places.corners + places.rounded()) * (np.array(half) / shape), max(GRID, places.grid)
    found = replace(places, corners=corners, grid=grid, reach=0.0).moved(np.zeros_like(corners))
    return replace(found, shape=tuple(int(v) for v in found.at[:, :2].max(0) + half + BEYOND))


def middle(p: Problem, half, index: np.ndarray, pixel) -> Frames:
    """The lowest frequencies of the frames of this rank, without those left out. index : their numbers"""
    d, n = p.device, len(p.at)
    rows, columns = (lowest(*sizes) for sizes in zip(p.mask.shape, half))
    I, step = np.empty((n, *half), p.I.dtype), d.frames_per_block(p.frame_bytes)
    for i in range(0, n, step):
        f = slice(i, min(i + step, n))
        I[f] = d.take(p.I, f)[:, rows[:, None], columns]
    about = {"gain": p.stored, "noise": p.noise, "fano": p.fano, "background": p.background}
    good = d.host(p.mask)[rows[:, None], columns] > 0
    return Frames(values=I, index=index, mask=good, corner=True, pixel=pixel, **about)


def lowest(n: int, half: int) -> np.ndarray:
    """(half,) places of the lowest of n frequencies in the order of a transform"""
    return np.r_[: (half + 1) // 2, n - half // 2 : n]


def cut_out(P: np.ndarray, half) -> np.ndarray:
    """(M, *half), a probe of as many photons as its lowest frequencies have. P : (M, h, w)"""
    rows, columns = (lowest(*sizes) for sizes in zip(P.shape[1:], half))
    return np.fft.ifft2(np.fft.fft2(P, norm="ortho")[:, rows[:, None], columns], norm="ortho")


# ---- and up again


def hand_over(p: Problem, q: Problem):
    """Object, probe and flux of the presolve become those of p (collective)."""
    p.P = p.device.array(laid_in(p.device.host(q.P), p.mask.shape), p.device.complex)
    begin(p, q.whole(), q.mask.shape)
    if p.fluctuates:
        p.set_flux(q.flux)


def laid_in(P: np.ndarray, shape) -> np.ndarray:
    """The opposite of `cut_out`: (M, *shape), with nothing in the other frequencies"""
    rows, columns = (lowest(*sizes) for sizes in zip(shape, P.shape[1:]))
    out = np.zeros((len(P), *shape), complex)
    out[:, rows[:, None], columns] = np.fft.fft2(P, norm="ortho")
    return np.fft.ifft2(out, norm="ortho")


def laid_out(O: np.ndarray, old, new, size) -> np.ndarray:
    """The object on a grid whose pixels are old / new as large. old, new : (2,) pixels of a frame"""
    return resampled(O, (0.0, 0.0), np.array(old) / new, size).astype(O.dtype)


def begin(p: Problem, O: np.ndarray | None, old):
    """The object of p from that of the same scan with frames of another shape, `old` (collective).

    O : (H, W) complex on the host of rank 0
    """
    made = p.team.array_on_root(lambda: laid_out(O, old, p.mask.shape, p.places.shape))
    p.O = p.device.array(p.share.part(made), p.device.complex)
    p.unseen = made if p.team.root else 1
