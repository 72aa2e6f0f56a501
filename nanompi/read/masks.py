"""Masks of files as "True = good". The formats disagree on the sense, so it is checked for plausibility."""

import numpy as np

from nanompi.errors import DataError

BLOCK = 64  # frames of a mask per exposure that are held at once


def good_pixels(raw, sense: str, habit: str, where: str, notes: list[str]) -> np.ndarray:
    """(rows, columns) bool, True = good, from a stored mask.

    raw   : array or dataset (rows, columns), or (..., rows, columns) per frame: a pixel bad in any frame is
        bad
    sense : "zero" or "nonzero" is the value of good pixels, said by the user; "auto" takes `habit` of the
        format
    habit : "zero" (CXI, NeXus), "nonzero" (ptypy), or "either": the sense which leaves more pixels
    Errors: DataError when more than half of the pixels would be bad.
    """
    zero, nonzero = _always_zero(raw), _always_nonzero(raw)
    chosen = habit if sense == "auto" else sense
    if chosen == "either":
        chosen = "zero" if zero.sum() >= nonzero.sum() else "nonzero"
        notes.append(f"{where}: good pixels are taken to be {chosen} (`mask_good: zero | nonzero` decides)")
    good = zero if chosen == "zero" else nonzero
    bad = int(good.size - good.sum())
    if 2 * bad > good.size:
        other = "nonzero" if chosen == "zero" else "zero"
        raise DataError(
            f"{where}: {bad} of {good.size} pixels would be bad when good pixels are {chosen}; is the mask "
            f"the other way round? Write `mask_good: {other}` in the input section, or repair the mask"
        )
    return good


def _blocks(raw):
    """2-D views of a mask, or its frames by blocks."""
    if len(raw.shape) == 2:
        yield np.asarray(raw[()])[None]
        return
    lead = raw.shape[:-2]
    for i in range(0, lead[0], BLOCK):
        yield np.asarray(raw[i : i + BLOCK]).reshape(-1, *raw.shape[-2:])


def _always_zero(raw) -> np.ndarray:
    return np.logical_and.reduce([np.all(b == 0, axis=0) for b in _blocks(raw)])


def _always_nonzero(raw) -> np.ndarray:
    return np.logical_and.reduce([np.all(b != 0, axis=0) for b in _blocks(raw)])
