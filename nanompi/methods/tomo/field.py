"""The double field of view: a full turn about an axis near one side of the detector sees twice its width.

The ray at t = s - axis from one side is the ray at -t from the other, half a turn later. Where both are
measured they share its weight smoothly, before the ramp filter,

    w(t) + w(-t) = 1,   w(t) = (1 + sin(pi t / (2 b))) / 2 for |t| < b,   1 towards the far side, 0 beyond -b

and where one is measured it counts alone: no two halves are stitched together, and no value is interpolated.
b is `BLEND` of what both see, so that what jumps at the end of the detector counts nothing.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.tomo.angles import weights

BLEND = 0.8  # of the half overlap
MIDDLE = 0.1  # of the columns: with an axis so near to the middle both sides hold the sample
LEAST = 20  # columns that both sides must see
FULL = np.deg2rad(340.0)  # of the turn


@dataclass(frozen=True)
class Field:
    """Where the columns of a detector stand in the doubled field.

    columns : of the detector; left, right : columns that nobody measured, to be added on either side
    """

    columns: int
    left: int
    right: int

    @property
    def size(self) -> int:
        """Columns of the doubled field, the axis in its middle: the side of a slice."""
        return self.left + self.columns + self.right

    def widened(self, sinograms, axes: np.ndarray, xp=np):
        """(k, A, columns) line integrals -> (k, A, size), weighted, 0 where nobody measured.

        axes : (k,) column of the axis on the detector in each row; in the wide sinogram it is `left` further.
        A ray that was seen twice counts 2 w: methods give each projection of a full turn half of its
        direction.
        """
        own = xp.asarray(2 * self.weights(axes), sinograms.dtype)
        out = xp.zeros((*sinograms.shape[:2], self.size), sinograms.dtype)
        out[..., self.left : self.left + self.columns] = sinograms * own[:, None]
        return out

    def weights(self, axes) -> np.ndarray:
        """(k, columns) float64: w of each column, for axes (k,) px."""
        axes = np.asarray(axes, np.float64)[:, None]
        far = 1 if self.right < self.left else -1  # the far end of the detector is where nothing is added
        blend = BLEND * (np.minimum(axes, self.columns - 1 - axes) + 0.5)
        t = far * (np.arange(self.columns) - axes)
        return (1 + np.sin(np.pi / 2 * np.clip(t / blend, -1, 1))) / 2


def field_of(angles, columns: int, axis: float, warn) -> Field | None:
    """The doubled field of a full turn with the axis away from the middle; None where the field is simple.

    angles : (A,) rad; axis : px, in the middle row. A warning where half a turn alone was measured.
    Errors: DataError where both sides see too little of the same.
    """
    if abs(axis - (columns - 1) / 2) <= MIDDLE * columns:
        return None
    if not whole_turn(angles):
        warn(
            f"tomo: the rotation axis is at column {axis:.2f} of 0 to {columns - 1}, away from the middle; a "
            "half acquisition needs 360 degrees: beyond the near end of the detector the slices are wrong"
        )
        return None
    overlap = 2 * min(axis, columns - 1 - axis) + 1
    if overlap < LEAST:
        raise DataError(
            f"tomo: with the rotation axis at column {axis:.2f} of 0 to {columns - 1}, {max(0, overlap):.0f} "
            f"columns are seen from both sides; a double field of view needs {LEAST}. If the axis is "
            "elsewhere, give steps.tomo.centre.value"
        )
    more = round(abs(2 * axis - (columns - 1)))
    return Field(columns, *((more, 0) if 2 * axis < columns - 1 else (0, more)))


def whole_turn(angles) -> bool:
    """Do the angles (A,) rad cover a full turn?"""
    return 2 * weights(np.asarray(angles, np.float64) / 2).sum() >= FULL
