"""What the detector sees without a sample, and what to do where it sees nothing."""

from dataclasses import dataclass, field

import numpy as np

LEAST = 1e-3  # of the transmission: below it a 16-bit detector (6e4 counts) sees its own noise only


@dataclass
class Light:
    """The beam without a sample, of one detector.

    dark, beam : (rows, columns) real, mean image without beam, and mean flat image less that
    dead       : (m, 2) places (row, column) where the beam adds nothing
    left, right: (m,) nearest columns of the same row that are good; -1 where the row has none
    share      : (m,) how much of the right one a dead pixel gets
    lost       : for each block that was corrected: how many values were no numbers, and how many it has
    """

    dark: np.ndarray
    beam: np.ndarray
    dead: np.ndarray
    left: np.ndarray
    right: np.ndarray
    share: np.ndarray
    lost: list[tuple[int, int]] = field(default_factory=list)  # appended to by threads

    @classmethod
    def of(cls, flat: np.ndarray, dark: np.ndarray, real=np.float32) -> "Light":
        """From the mean flat and dark image, (rows, columns)."""
        beam = flat - dark
        good = beam > 0  # False for NaN too
        y, x = np.nonzero(~good)
        left, right = (side[y, x] for side in _neighbours(good))
        share = np.where(right > left, (x - left) / np.maximum(right - left, 1), 0)
        beam = np.where(good, beam, 1)
        return cls(dark.astype(real), beam.astype(real), np.stack([y, x], 1), left, right, share.astype(real))

    def transmission(self, frames: np.ndarray) -> np.ndarray:
        """T = (I - D) / (F - D) of frames (k, rows, columns), at least `LEAST`, in the dtype of `beam`.

        Dead pixels get what lies between their neighbours in the row, or 1 where the whole row is dead;
        values that are no numbers are taken as 1, and counted in `lost`.
        """
        t = (frames.astype(self.beam.dtype) - self.dark) / self.beam
        y, x = self.dead.T
        between = t[:, y, self.left] * (1 - self.share) + t[:, y, self.right] * self.share
        t[:, y, x] = np.where(self.left < 0, 1, between)
        lost = ~np.isfinite(t)
        t[lost] = 1
        self.lost.append((np.count_nonzero(lost), t.size))
        return np.maximum(t, LEAST, out=t)


def _neighbours(good: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) each: the nearest good column to the left and to the right, the other one where there
    is none on this side, -1 where the row has none."""
    columns = np.arange(good.shape[1])
    left = np.maximum.accumulate(np.where(good, columns, -1), axis=1)
    right = np.minimum.accumulate(np.where(good, columns, len(columns))[:, ::-1], axis=1)[:, ::-1]
    right = np.where(right == len(columns), left, right)
    return np.where(left < 0, right, left), right
