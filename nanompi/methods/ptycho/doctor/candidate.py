"""A geometry that a scan may have, and the frames and positions as they then are."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from nanompi.methods.ptycho.positions import rotated, stretched
from nanompi.methods.ptycho.subset import Subset
from nanompi.optics.geometry import Geometry

TWIN = 3  # turning frames by 180 degrees gives the complex conjugate in the far field


@dataclass(frozen=True, order=True)
class Candidate:
    """What differs from the geometry of the job; nothing by default.

    turn  : 4 * transpose + 2 * flipud + fliplr of the frames, after those of the job
    lag   : the frame of a position is the one so many after it (1: the frames are late by one)
    far   : factor of the distance from sample to detector; in the near field, of that from focus to sample
    angle : degrees by which the positions are turned, from rows to columns
    stretch : part by which positions lie farther apart from row to row than from column to column, half of it
        along each, before they are turned
    """

    turn: int = 0
    lag: int = 0
    far: float = 1.0
    angle: float = 0.0
    stretch: float = 0.0

    def __str__(self):
        words = [f"turn {self.turn}"] if self.turn else []
        words += [f"lag {self.lag:+d}"] if self.lag else []
        words += [f"distance x {self.far:.3f}"] if self.far != 1 else []
        words += [f"rotated {self.angle:+.1f} deg"] if self.angle else []
        words += [f"stretched {100 * self.stretch:+.1f} %"] if self.stretch else []
        return ", ".join(words) or "as in the job"

    def geometry(self, own: Geometry) -> Geometry:
        """That of the turned frames, at this distance."""
        shape, pixel = (pair[::-1] if self.turn & 4 else pair for pair in (own.shape, own.detector))
        known = {"shape": shape, "detector": pixel}
        if own.focus is None:
            return dataclasses.replace(own, distance=own.distance * self.far, **known)
        return dataclasses.replace(own, focus=own.focus * self.far, **known)

    def view(self, some: Subset, points: np.ndarray) -> Subset:
        """The points with their frames, as this geometry has them.

        some : frames of the points and of those `lag` before and behind; points : (k,) indices in the scan
        """
        row = {int(g): k for k, g in enumerate(some.chosen)}
        frames, places = ([row[int(g) + lag] for g in points] for lag in (self.lag, 0))
        corner = some.frames.corner
        return dataclasses.replace(
            some,
            geometry=self.geometry(some.geometry),
            chosen=points,
            positions=rotated(stretched(some.positions[places], self.stretch), np.deg2rad(self.angle)),
            counts=turned(some.counts[frames], self.turn, corner),
            scale=some.scale[frames],
            frames=dataclasses.replace(
                some.frames,
                mask=turned(some.frames.mask[None], self.turn, corner)[0],
                pixel=some.frames.pixel[::-1] if self.turn & 4 else some.frames.pixel,
            ),
        )


def turned(frames: np.ndarray, turn: int, corner: bool) -> np.ndarray:
    """(k, h, w) frames transposed and mirrored; corner : the zero frequency stays at [0, 0]"""
    frames = frames.swapaxes(1, 2) if turn & 4 else frames
    for axis, bit in ((1, 2), (2, 1)):
        if turn & bit:
            frames = np.flip(frames, axis)
            frames = np.roll(frames, 1, axis) if corner else frames
    return np.ascontiguousarray(frames)


def after(first: int, second: int) -> int:
    """Number of the orientation that is `second` after `first`; transposing comes first in each."""
    first = 4 * (first >> 2) + (2 * (first & 1) + (first >> 1 & 1) if second & 4 else first & 3)
    return first ^ second
