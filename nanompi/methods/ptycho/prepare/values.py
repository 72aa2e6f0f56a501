"""Converts stored values to counts: -1 = not measured; whole counts that fit are uint16, else float32."""

import numpy as np


def limit(saturated, dtype, said: float | None = None) -> float | None:
    """The value from which a pixel is saturated: given, or "auto" = as the file says, at most the largest one
    of an integer dtype."""
    if saturated != "auto":
        return saturated
    tops = [float(np.iinfo(dtype).max)] if np.dtype(dtype).kind in "ui" else []
    return min([*tops, *([said] if said else [])], default=None)


def disproved(some: np.ndarray, top: float | None) -> bool:
    """Is a bit depth (top = 2^b - 1) not that of the stored values, since they show many values beyond?"""
    if top is None or not float(np.log2(top + 1)).is_integer() or not some.size:
        return False
    return len(np.unique(some[some > top][:1000])) > 3


def lost(block: np.ndarray, top: float | None, peak: np.ndarray | None = None) -> np.ndarray | None:
    """Which values were not measured (negative, NaN, infinite, saturated): bool like block, or None = all
    were.

    The usual block is all right, and then costs one look at its extremes. peak : `block.max(0)`, where known
    """
    if block.size == 0:
        return None
    low = 0 if block.dtype.kind == "u" else block.min()
    high = (block if peak is None else peak).max() if block.dtype.kind == "f" or top is not None else 0
    if low >= 0 and np.isfinite(high) and (top is None or high < top):
        return None
    good = (block >= 0) & (block < (np.inf if top is None else top))
    return ~good


def in_counts(block: np.ndarray, gain: float, whole: bool) -> np.ndarray:
    """(k, h, w) values / gain as float32, rounded where they are whole; the block itself for gain 1."""
    if gain == 1:
        return block
    out = np.divide(block, gain, dtype=np.float64 if block.dtype.itemsize > 2 else np.float32)
    if whole:
        near = np.rint(out)
        return np.where(np.abs(out - near) < 0.1, near, out).astype(np.float32, copy=False)
    return out.astype(np.float32, copy=False)


def tight(block: np.ndarray) -> np.ndarray:
    """uint16 where all values are whole numbers in 0..65535, else float32; no copy where it is so already."""
    if block.dtype.kind == "u" and block.dtype.itemsize <= 2:
        return block.astype(np.uint16, copy=False)
    if block.size == 0 or (block.min() >= 0 and float(block.max()) <= 65535 and _whole(block)):
        return block.astype(np.uint16)
    return block.astype(np.float32, copy=False)


def _whole(block):
    if block.dtype.kind in "ui":
        return True
    few = block.reshape(-1)[::61]  # measured floats are seldom whole: a few values tell
    return np.array_equal(few, np.rint(few)) and np.array_equal(block, np.rint(block))
