"""The frames about the middle of a scan, cut to a window, on every rank alike.

What is tried on few frames before all are iterated over, or beside it, is tried on these: each trial by one
rank alone, so that what follows from all trials does not depend on the number of ranks.

    some = subset(run, geometry, 100)
    seen, unseen = some.problems(apart(some.positions, 10))  # iterated over; judging what came out
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nanompi.methods.ptycho.positions import place
from nanompi.methods.ptycho.scan import Frames
from nanompi.mpi.team import Team
from nanompi.optics.geometry import Geometry
from nanompi.optics.propagate import propagator

if TYPE_CHECKING:
    from nanompi.methods.ptycho.problem import Problem

MEMORY, FEWEST = 256 << 20, 4  # bytes of the frames on each rank, unless these are fewer
WHOLE = (slice(None), slice(None))


@dataclass
class Subset:
    """Some frames of a scan, equal on all ranks.

    device    : where a trial computes
    geometry  : of the window; its object pixel grows as the window shrinks, in the far field
    chosen    : (k,) int, indices in the scan; positions : (k, 2) m
    counts    : (k, h, w) float32, negative = not measured; scale : (k,) relative intensity of the exposures
    frames    : what they were taken from: dtype, noise and the rest (mask : (h, w) of the window)
    """

    device: Any
    geometry: Geometry
    chosen: np.ndarray
    positions: np.ndarray
    counts: np.ndarray
    scale: np.ndarray
    frames: Frames

    def problems(
        self, out: np.ndarray, subpixel: int = 1, lit_by_all=False, reach: float = 0.0
    ) -> "tuple[Problem, Problem | None]":
        """The frames that are iterated over and those left out (None without any), as problems of this rank
        alone. Both hold the same object (ones) and the same probe (ones), so that iterating one judges in the
        other.

        out : (k,) bool; subpixel : positions are rounded to 1/subpixel of a pixel
        reach : px by which frames may move
        lit_by_all : the illumination counts the frames left out, too, which holds the object back where they
            lie (a search for a beam wants that); without it DM is free there
        """
        from nanompi.methods.ptycho.problem import Problem

        g, d = self.geometry, self.device
        places = place(self.positions, g.pixel, g.shape, subpixel, reach)
        optics = propagator(d, g, places.rests)
        O, P = d.array(np.ones(places.shape), d.complex), d.array(np.ones((1, *g.shape)), d.complex)

        def problem(which):
            values = self.counts[which].astype(self.frames.counts.dtype)
            own = {"values": values, "scale": self.scale[which], "index": np.flatnonzero(which)}
            q = Problem.of(Team(alone=True), d, dataclasses.replace(self.frames, **own), places, optics)
            q.O, q.P = O, P
            if not lit_by_all:
                q.share.everyone = q.at
            return q

        return problem(~out), problem(out) if out.any() else None


def subset(run, geometry: Geometry, count: int, cut=WHOLE) -> Subset:
    """So many frames about the middle of the scan, fewer where they would need too much memory (collective).

    geometry : of whole frames; cut : index of the rows and columns of the window, as NumPy takes it
    """
    shape = np.empty(geometry.shape, bool)[cut].shape
    count = max(FEWEST, min(count, MEMORY // (4 * math.prod(shape))))
    return taken(run, geometry, nearest_to_middle(run.data["data"].positions, count), cut)


def taken(run, geometry: Geometry, chosen: np.ndarray, cut=WHOLE) -> Subset:
    """These frames of the scan, whichever rank holds them (collective)."""
    frames, positions = run.data["frames"], run.data["data"].positions
    mask = frames.mask[cut]
    counts, scale = np.zeros((len(chosen), *mask.shape), np.float32), np.zeros(len(chosen))
    scales = np.ones(len(frames.index)) if frames.scale is None else frames.scale
    mine = {int(g): j for j, g in enumerate(frames.index)}
    for k, g in enumerate(chosen):
        if int(g) in mine:
            counts[k], scale[k] = frames.counts[mine[int(g)]][cut], scales[mine[int(g)]]
    run.team.sum(counts)
    run.team.sum(scale)
    some = dataclasses.replace(geometry, shape=mask.shape)
    part = dataclasses.replace(frames, mask=mask)
    return Subset(run.device, some, chosen, positions[chosen], counts, scale, part)


def nearest_to_middle(positions: np.ndarray, count: int) -> np.ndarray:
    """Indices of the frames nearest to the middle of the scan, the nearest first. positions : (n, 2) m"""
    far = ((positions - np.median(positions, axis=0)) ** 2).sum(1)
    return np.argsort(far, kind="stable")[:count]


def apart(positions: np.ndarray, count: int) -> np.ndarray:
    """(n,) bool: `count` of the first half of the positions, far from each other, so that each keeps its
    neighbours."""
    half, out = positions[: (len(positions) + 1) // 2], np.zeros(len(positions), bool)
    near = np.full(len(half), np.inf)
    for _ in range(count):
        k = int(np.argmax(near)) if out.any() else 0
        out[k] = True
        near = np.minimum(near, ((half - half[k]) ** 2).sum(1))
    return out
