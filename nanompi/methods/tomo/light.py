"""What the detector sees without a sample, at any time of the scan, and what to do where it sees nothing."""

from dataclasses import dataclass

import numpy as np

from nanompi.methods.tomo.seen import LEAST, Seen


@dataclass
class Light:
    """The beam without a sample, of one detector.

    dark, beam : (rows, columns) real, image without beam, and flat image less that
    change     : (rows, columns) real, by which the beam is brighter at the end of the scan; None: by nothing
    time, scale : (A,) real, when each projection was taken, from 0 (`beam`) to 1, and how bright it was lit
    dead       : (m, 2) places (row, column) where the beam adds nothing
    left, right: (m,) nearest columns of the same row that are good; -1 where the row has none
    share      : (m,) how much of the right one a dead pixel gets
    floor      : least transmission
    seen       : what is counted of blocks, where somebody asks for it
    """

    dark: np.ndarray
    beam: np.ndarray
    dead: np.ndarray
    left: np.ndarray
    right: np.ndarray
    share: np.ndarray
    change: np.ndarray | None = None
    time: np.ndarray | None = None
    scale: np.ndarray | None = None
    floor: float = LEAST
    seen: Seen | None = None

    @classmethod
    def of(cls, flat: np.ndarray, dark: np.ndarray, real=np.float32, last=None) -> "Light":
        """From the flat and dark image, (rows, columns). last : the flat image at the end of the scan"""
        beam = flat - dark
        good = (beam > 0) & (last is None or last > dark)  # False for NaN too
        y, x = np.nonzero(~good)
        left, right = (side[y, x] for side in _neighbours(good))
        share = np.where(right > left, (x - left) / np.maximum(right - left, 1), 0)
        beam = np.where(good, beam, 1).astype(real)
        own = cls(dark.astype(real), beam, np.stack([y, x], 1), left, right, share.astype(real))
        if last is not None:
            own.change = np.where(good, last - flat, 0).astype(real)
        return own

    def transmission(self, block: np.ndarray, info) -> np.ndarray:
        """T = (I - D) / (F - D) of a block of projections, at least `floor`, in the dtype of `beam`.

        block : any piece with the axes angle, row, column, columns whole; info : what it is a piece of
        Dead pixels get what lies between their neighbours in the row, or 1 where the whole row is dead;
        values that are no numbers are taken as 1. What was seen is counted, but not again.
        """
        dark, real = info.part(self.dark, "row", "column"), self.beam.dtype
        t = np.subtract(block, dark, dtype=real, casting="unsafe")
        t /= self._beam(info)
        self._fill(t, info)
        numbers = np.isfinite(t)
        lost = None if numbers.all() else ~numbers
        if lost is not None:
            t[lost] = 1
        if self.seen is not None and not info.again:
            self.seen.add(t, lost, self.floor, info)
        return np.maximum(t, t.dtype.type(self.floor), out=t)

    def _beam(self, info) -> np.ndarray:
        """The beam of each value of a block, or of each of its pixels"""
        beam = info.part(self.beam, "row", "column")
        if self.change is not None:
            beam = beam + info.part(self.time, "angle") * info.part(self.change, "row", "column")
        return beam if self.scale is None else beam * info.part(self.scale, "angle")

    def _fill(self, t: np.ndarray, info) -> None:
        """Dead pixels of a block, in place"""
        if not len(self.dead):
            return
        y, x = self.dead.T
        here = np.full(len(self.beam), -1)
        rows = info.places.get("row", np.arange(len(here)))
        here[rows] = np.arange(len(rows))
        own = here[y] >= 0
        y, x, left, right, share = here[y[own]], x[own], self.left[own], self.right[own], self.share[own]
        images = np.moveaxis(t, info.axes.index("row"), 1)  # (angle, row, column)
        between = images[:, y, left] * (1 - share) + images[:, y, right] * share
        images[:, y, x] = np.where(left < 0, 1, between)


def _neighbours(good: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) each: the nearest good column to the left and to the right, the other one where there
    is none on this side, -1 where the row has none."""
    columns = np.arange(good.shape[1])
    left = np.maximum.accumulate(np.where(good, columns, -1), axis=1)
    right = np.minimum.accumulate(np.where(good, columns, len(columns))[:, ::-1], axis=1)[:, ::-1]
    right = np.where(right == len(columns), left, right)
    return np.where(left < 0, right, left), right
