"""Where each frame lies in the object array, in whole pixels and in the rest below a pixel.

A frame lies at a whole-pixel corner; the rest, rounded to 1/q pixel, is carried by a shifted probe
(`Shifts`). The rounding leaves a position error of at most 1/(2q) pixel, 1/(q sqrt(12)) root mean square.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from nanompi.device.kernels.displacement import TAPS
from nanompi.errors import DataError

MARGIN = 4  # pixels of object around the outermost frames
LARGEST = 40_000  # pixels of an object along one side, above which the units of the positions are doubted
SURELY = 0.25  # px of whole frames: positions that span less are of another unit


@dataclass
class Places:
    """Places of all frames of a scan.

    at     : (N, 3) int32, row and column of the corner in the object, index into `rests`
    rests  : (S, 2) float64, the occurring parts below a pixel, in pixels
    shape  : (H, W) of the object
    corners: (N, 2) float64, corner in object pixels as measured
    origin : (2,) m, position (of scan.positions) whose frame has its corner at object pixel (0, 0)
    grid   : q, parts of a pixel to which places are rounded
    reach  : px by which frames may move from where they were measured (nanompi.methods.ptycho.refine)
    """

    at: np.ndarray
    rests: np.ndarray
    shape: tuple[int, int]
    corners: np.ndarray
    origin: tuple[float, float]
    grid: int = 1
    reach: float = 0.0

    def moved(self, by: np.ndarray) -> "Places":
        """The same with each frame moved from where it was measured. by : (N, 2) px, at most `reach`"""
        at, rests = _on_grid(self.corners + by, self.grid)
        return replace(self, at=at, rests=rests)

    def rounded(self) -> np.ndarray:
        """(N, 2) px, where the frames are, from where they were measured: as `moved`, on the grid"""
        return self.at[:, :2] + self.rests[self.at[:, 2]] - self.corners

    def room(self, frame) -> tuple[np.ndarray, np.ndarray]:
        """(corners (N, 2), shape (2,)) of what a frame may come to see, in whole pixels. frame : its shape"""
        if not self.reach:
            return self.at[:, :2], np.asarray(frame)
        wide = int(np.ceil(self.reach)) + 1 + TAPS
        return np.rint(self.corners).astype(np.int32) - wide, np.asarray(frame) + 2 * wide

    def along(self) -> np.ndarray:
        """(N,) where each frame stands along a curve through the scan, on which near frames follow each other
        (Morton's order: the bits of row and column in turns)."""
        code = np.zeros(len(self.at), np.int64)
        for bit in range(31):
            for axis in (0, 1):
                code |= (self.at[:, axis].astype(np.int64) >> bit & 1) << (2 * bit + axis)
        out = np.empty(len(code), np.int64)
        out[np.argsort(code, kind="stable")] = np.arange(len(code))
        return out


def place(positions: np.ndarray, pixel, frame, q: int = 1, reach: float = 0.0) -> Places:
    """Places of frames of shape `frame` at `positions` ((N, 2) m) in an object of `pixel` ((2,) m).

    reach : px by which they may move; the object is so much larger
    Errors: DataError when the object would be absurdly large or all frames lie on one pixel.
    """
    px = np.asarray(positions, float) / np.asarray(pixel, float)
    low = px.min(0)
    _plausible(px.max(0) - low, frame, pixel, len(px))
    margin = MARGIN + int(np.ceil(reach))
    corners = px - low + margin
    at, rests = _on_grid(corners, q)
    shape = tuple(int(v) for v in at[:, :2].max(0) + np.asarray(frame) + margin)
    return Places(at, rests, shape, corners, tuple((low - margin) * np.asarray(pixel)), q, reach)


def _on_grid(corners, q) -> tuple[np.ndarray, np.ndarray]:
    """(at, rests) of `Places` for corners in pixels"""
    fine = np.rint(corners * q).astype(np.int64)
    whole = (fine + q // 2) // q
    rest = fine - whole * q + q // 2  # 0 <= rest < q
    numbers, index = np.unique(rest[:, 1] * q + rest[:, 0], return_inverse=True)  # equal columns together
    rests = np.stack(np.divmod(numbers, q)[::-1], 1) - q // 2
    at = np.concatenate([whole, index.reshape(-1, 1)], axis=1).astype(np.int32)
    return at, rests / q


def _plausible(span, frame, pixel, n):
    where = f"the scan spans {span[0]:.4g} x {span[1]:.4g} object pixels of {pixel[0]:.3g} x {pixel[1]:.3g} m"
    if max(span) + max(frame) > LARGEST:
        raise DataError(
            f"{where}; an object of more than {LARGEST} pixels is refused. Are the positions in um, not in "
            "m? Check `units: {x: um, y: um}`, the energy, the distance and the detector pixel."
        )
    if n > 1 and max(span) < 1:
        raise _on_one_pixel(where)


def _on_one_pixel(where: str) -> DataError:
    return DataError(
        f"{where}: all frames lie on one pixel. Are the positions, the energy or the distance in "
        "another unit than the file says?"
    )


def check_span(positions: np.ndarray, pixel) -> None:
    """Do whole frames lie apart, before any is loaded? Errors: DataError where they are far from it.

    pixel : (2,) m, of the object as whole frames see it; cropped ones have larger pixels
    """
    span = np.ptp(np.asarray(positions, float), axis=0) / np.asarray(pixel, float)
    if len(positions) > 1 and max(span) < SURELY:
        where = f"the scan spans {span[0]:.4g} x {span[1]:.4g} pixels of {pixel[0]:.3g} x {pixel[1]:.3g} m"
        raise _on_one_pixel(where)


class Shifts:
    """The probe at the sub-pixel shifts of a scan, by Fourier shift, and the adjoint.

    rests : (S, 2) pixels. One shift of zero costs nothing.
    """

    def __init__(self, device, rests: np.ndarray, shape):
        self.device, self.trivial = device, len(rests) == 1 and not np.any(rests)
        # frame j sees O(r + whole + rest); the probe moves by +rest in the frame of the object's pixels
        size = shape[0] * shape[1]
        self.ramps = [_ramps(device, r, n, by) for r, n, by in zip(rests.T, shape, (size, 1))]

    def __len__(self):
        return len(self.ramps[0])

    def library(self, P):
        """P : (M, h, w) -> (S, M, h, w), the probe moved by each rest"""
        if self.trivial:
            return P[None]
        return self.device.shifted(P, *self.ramps)

    def tangent(self, dP):
        """The change of `library` where the probe changes by dP"""
        return self.library(dP)

    def adjoint(self, num):
        """num : (S, M, h, w) -> (M, h, w), sum over shifts of the sums moved back; num is used up"""
        if self.trivial:
            return num[0]
        return self.device.shifted_back(num, *self.ramps)


def _ramps(device, rests, n: int, by: int):
    """(S, n) complex, over `by`, the phase ramps of shifts along one axis, of which few differ. rests : (S,)
    pixels"""
    known, which = np.unique(rests, return_inverse=True)
    ramps = np.exp(-2j * np.pi * known[:, None] * np.fft.fftfreq(n)) / by
    return device.array(ramps.astype(device.complex)[which.reshape(-1)])


def rotated(positions: np.ndarray, angle: float) -> np.ndarray:
    """(n, 2) turned about their middle by `angle` (rad), from rows to columns: what lay below it moves to the
    right, against the clock as an image is looked at. What is not finite has no part in the middle."""
    middle = positions[np.isfinite(positions).all(1)].mean(0)
    c, s = np.cos(angle), np.sin(angle)
    return (positions - middle) @ [[c, s], [-s, c]] + middle


def stretched(positions: np.ndarray, part: float) -> np.ndarray:
    """(n, 2) stretched about their middle: exp(part / 2) times as far apart from row to row, and nearer by as
    much from column to column. What is not finite has no part in the middle."""
    middle = positions[np.isfinite(positions).all(1)].mean(0)
    return (positions - middle) * [math.exp(part / 2), math.exp(-part / 2)] + middle
