"""One pass over all frames: what the figures of a verdict are made of."""

from dataclasses import dataclass

import numpy as np

from nanompi.device.kernels.scores import FRAME_SUMS, PIXEL_SUMS
from nanompi.methods.ptycho.quality import expected_deviance
from nanompi.optics.propagate import FarField

EMPTY = 0.2  # of the median counts of a frame
TAPS = np.array([45, -9, 1]) / 60  # central difference of the sixth order, by 1, 2 and 3 pixels


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
    """The pass: three transforms for each frame (collective). Its sums over frames are taken in the order of
    the frames, on every rank alike, so that they do not depend on which rank had which."""
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
    P, background = p.shifts.library(p.P), getattr(p, "background", 0.0)
    slopes = [slope(p.xp, p.O, axis) for axis in (0, 1)]
    table = p.device.array(expected_deviance(), p.device.real)
    rows, total = [], p.xp.zeros((PIXEL_SUMS, *p.mask.shape))
    far = isinstance(p.optics, FarField)

    def part(f):
        waves = [p.scratch(f, slot) for slot in (0, 9, 10)]
        for O, z in zip((p.O, *slopes), waves):
            p.k.exit_waves(O, P, f.at, z)
            p.optics.forward(z, f.at)
        own, maps = p.xp.zeros((len(f), FRAME_SUMS)), p.xp.zeros(total.shape)
        work = p.scratch_real(f, 3)
        p.k.scores(*waves, f.I, p.mask, f.gain, background, far, table, own, maps, work)
        return own, maps

    for block in p.blocks(read=["I"]):
        for own, maps in p.each(part, block):
            rows.append(p.device.host(own))
            total += maps
    return np.concatenate(rows or [np.zeros((0, FRAME_SUMS))]), p.device.host(total)


def slope(xp, O, axis: int):
    """dO/dy or dO/dx, (H, W). A frame that moves over the object sees P times this.

    The whole wave moves along, which the far field does not show, and which the near field takes back on its
    way (`optics.propagate`).
    """
    out = O * 0
    for step, weight in enumerate(TAPS, 1):
        out += weight.astype(O.real.dtype) * (xp.roll(O, -step, axis) - xp.roll(O, step, axis))
    return out
