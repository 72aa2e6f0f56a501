"""Which detector pixels count at all: the scan's mask, a file, hot pixels, dead pixels, pixels hardly ever
measured.

All arrays are single frames in the order in which frames are stored; True = good.
"""

from typing import Literal

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.ptycho.prepare.arrays import frame
from nanompi.methods.ptycho.prepare.sample import Sample
from nanompi.step import param, section

FEW = 0.01  # of the pixels with counts must be left, at the very least: no detector is that bad
WAYS = "input.mask_good for that of the scan file, invert for mask.file"
LEAST = 30  # counts that a dead pixel's neighbours must have: no luck leaves a live pixel at zero then


@section
class Mask:
    """Which pixels count; the scan file's own mask always holds too."""

    file: str = param("", kind="file", level="basic", help="mask file (npy, npz, HDF5), non-zero = good")
    path: str = param("", help="which array of the mask file, for npz and HDF5")
    invert: bool = param(False, help="the mask file has non-zero = bad (as CXI has it)")
    hot: float | None = param(None, gt=0, help="leave out pixels this many sigma above their neighbours")
    dead: bool = param(False, help="leave out pixels that never count although the pixels on both sides do")
    faulty: bool = param(
        True,
        help="leave out what plainly does not measure: markers of bad pixels, hot and dead pixels and rows "
        "(12 sigma and a factor above or below their neighbours in nearly all frames)",
    )
    saturated: float | Literal["auto"] | None = param(
        "auto", help="values from here on are not measured; auto = the largest value of an integer type"
    )


def mask(given: Mask, stored, shape, sample: Sample) -> tuple[np.ndarray, dict[str, int]]:
    """(good, {reason: how many pixels it took away}). Errors: DataError for the file, or next to none left.

    stored : the scan's own mask or None; shape: (rows, columns); sample: sums over some frames
    """
    good = np.ones(shape, bool)
    why = {}
    steps = {
        "scan": lambda: stored,
        "file": lambda: _file(given, shape),
        "never measured": lambda: sample.often,
        **{name: (lambda bad=bad: ~bad) for name, bad in sample.bad.items()},
        "hot ": lambda: ~hot(sample.total, good, given.hot) if given.hot else None,
        "dead ": lambda: ~dead(sample.total, good) if given.dead else None,
    }
    for name, find in steps.items():
        found = find()
        if found is not None:
            left = good & np.asarray(found, bool)
            why[name.strip()] = why.get(name.strip(), 0) + int(good.sum() - left.sum())
            good = left
    why = {k: n for k, n in why.items() if n}
    if left_of(sample, good) < FEW:
        left = f"{good.sum()} of {good.size} pixels, of those with counts less than {100 * FEW:g} %"
        raise DataError(f"mask: it leaves {left} ({why}); is the mask the wrong way round ({WAYS})?")
    return good, why


def left_of(sample: Sample, good: np.ndarray) -> float:
    """Part of the pixels that measure and have counts which is good; of all pixels where none has counts."""
    lit = sample.total > 0
    for bad in sample.bad.values():
        lit &= ~bad
    return float(good[lit].mean() if lit.any() else good.mean())


def _file(given, shape):
    if not given.file:
        return None
    found = frame(given.file, given.path, shape, "mask.file")
    return ((found != 0) != given.invert) & (found == found)  # NaN is bad


def hot(total: np.ndarray, good: np.ndarray, sigma: float) -> np.ndarray:
    """Pixels more than sigma standard deviations above the median of their eight neighbours.

    total : (H, W) summed counts. The deviation is that of counting, sqrt(median), or that among the
        neighbours (1.48 median |x - median|) where it is larger: the steep edge of a beam is not hot.
    """
    t = np.pad(np.where(good, total, 0.0), 1, mode="reflect")
    h, w = total.shape
    ring = np.stack([t[i : i + h, j : j + w] for i in range(3) for j in range(3) if (i, j) != (1, 1)])
    middle = np.median(ring, axis=0)
    spread = 1.48 * np.median(np.abs(ring - middle), axis=0)
    return good & (total - middle > sigma * np.maximum(np.sqrt(middle + 1), spread))


def dead(total: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Pixels without a single count between counting pixels (left and right, or above and below) with many.

    The dark surroundings of a pattern are not dead: there the nearest counting pixels have few counts.
    """
    t = np.where(good, total, 0.0)
    across = np.minimum(_last(t), _last(t[:, ::-1])[:, ::-1])
    down = np.minimum(_last(t.T).T, _last(t.T[:, ::-1])[:, ::-1].T)
    return good & (t == 0) & (np.maximum(across, down) >= LEAST)


def _last(t):
    """For each pixel the value of the nearest non-zero pixel on its left (0 where there is none)."""
    at = np.maximum.accumulate(np.where(t > 0, np.arange(t.shape[1]), -1), axis=1)
    return np.where(at >= 0, np.take_along_axis(t, np.maximum(at, 0), axis=1), 0.0)
