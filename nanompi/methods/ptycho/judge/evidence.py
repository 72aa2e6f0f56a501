"""One pass over all frames: what the figures of a verdict are made of."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nanompi.device.kernels.scores import FRAME_SUMS, PIXEL_SUMS
from nanompi.methods.ptycho.quality import expected_deviance
from nanompi.optics.propagate import FarField

EMPTY = 0.2  # of the median counts of a frame


@dataclass
class Evidence:
    """Sums of the pass, equal on all ranks.

    rows    : (n, FRAME_SUMS) float64, of each frame that some rank holds: kernels.scores
    index   : (n,) rising, which frames of `Problem.places` these are
    maps    : (PIXEL_SUMS, h, w) float64, of each pixel of the detector, over all frames
    corners : (n, 2) px, where these frames lie
    good    : (h, w) bool, pixels that count
    """

    rows: np.ndarray
    index: np.ndarray
    maps: np.ndarray
    corners: np.ndarray
    good: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray:
        """A sum of each frame by its name, (n,)"""
        return self.rows[:, NAMES.index(name)]

    def empty(self) -> np.ndarray:
        """(n,) bool: frames with far less light than usual, of which the model has more"""
        counts = self["counts"]
        return (counts < EMPTY * np.median(counts)) & (counts < 0.5 * self["model"])


NAMES = ("deviance", "expected", "counts", "model", "entropy", "slope_y", "slope_x", "yy", "yx", "xx")
NAMES += ("blur_slope", "blur_curve", "blur_model", "background_slope", "background_curve")


def collect(p) -> Evidence:
    """The pass: three transforms for each frame, five in the near field (collective).

    Sums over frames are taken in the order of the frames, on every rank alike: they do not depend on which
    rank had which.
    """
    rows, maps = _own(p)
    index = np.concatenate(p.team.allgather(np.asarray(p.index)))
    order = np.argsort(index)
    rows = np.concatenate(p.team.allgather(rows))[order]
    p.team.sum(maps)
    at = p.places.at[index[order]]
    corners = at[:, :2] + p.places.rests[at[:, 2]]
    return Evidence(rows, index[order], maps, corners, p.device.host(p.mask) > 0)


def _own(p):
    """(n, FRAME_SUMS) of this rank's frames, and its (PIXEL_SUMS, h, w), on the host"""
    P = p.shifts.library(p.P)
    moves = [Move.of(p, P, axis) for axis in (0, 1)]
    table = p.device.array(expected_deviance(), p.device.real)
    rows, total = [], p.xp.zeros((PIXEL_SUMS, *p.mask.shape))
    far = isinstance(p.optics, FarField)

    def part(f):
        F, Dy, Dx = (p.scratch(f, slot) for slot in (0, 9, 10))
        for move, D in zip(moves, (Dy, Dx)):
            move.waves(p, P, f, D, F)
        p.k.exit_waves(p.O, P, f.at, F)
        p.optics.forward(F, f.at)
        own, maps = p.xp.zeros((len(f), FRAME_SUMS)), p.xp.zeros(total.shape)
        numbers = p.background, far, table
        p.k.scores(F, Dy, Dx, f.I, p.mask, f.gain, *numbers, own, maps, p.scratch_real(f, 3))
        return own, maps

    for block in p.blocks(read=["I"]):
        for own, maps in p.each(part, block):
            rows.append(p.device.host(own))
            total += maps
    return np.concatenate(rows or [np.zeros((0, FRAME_SUMS))]), p.device.host(total)


@dataclass
class Move:
    """The change of the waves as a frame moves by a pixel over the object, in the shape of the frame alone.

    psi(r; d) = P(r - rest - d) O(r + whole): the probe moves, dpsi/dd = -P' O. The whole wave moves too, and
    the far field does not show that; the near field takes it back on its way (`optics.propagate`), so that it
    gets 2 pi i q of the wave itself besides.

    P : (S, M, h, w) -P' at all shifts, or of each frame where the probe varies
    optics : the near field's, with its transfer times 2 pi i q; None in the far field
    """

    P: Any
    optics: Any = None

    @classmethod
    def of(cls, p, P, axis: int) -> "Move":
        """Along rows (0) or columns (1). P : the probe at all shifts, or of each frame"""
        n = p.P.shape[-2 + axis]
        q = 2j * np.pi * np.fft.fftfreq(n)
        q[n // 2 if n % 2 == 0 else 0] = 0  # a wave of two pixels has no direction
        q = p.device.array(q[:, None] if axis == 0 else q[None], p.device.complex)
        probe = p.device.fft(P.copy())
        probe *= q * p.device.real(-1 / P[0, 0].size)
        return cls(p.device.ifft(probe), None if isinstance(p.optics, FarField) else p.optics.times(q))

    def waves(self, p, P, f, out, work):
        """Of some frames, at the detector, into `out`. P : the probe at all shifts; work : to work in"""
        p.k.exit_waves(p.O, self.P, f.at, out)
        p.optics.forward(out, f.at)
        if self.optics is not None:
            p.k.exit_waves(p.O, P, f.at, work)
            out += self.optics.forward(work, f.at)
