"""Masks of files as "True = good". The formats disagree on the sense, so it is checked for plausibility."""

import numpy as np

from nanompi.errors import DataError
from nanompi.io.unwritten import holes, measured

LOW = 0xFFFF  # flags above these say no fault (NXdetector/pixel_mask: bit 31 = virtual pixel)
CXI_KEPT = 1 << 8 | 1 << 11 | 1 << 13 | 1 << 14  # beyond a resolution, corrected, peak, background subtracted
FAULTS = {
    "mask": LOW & ~CXI_KEPT,
    "pixel_mask": LOW,
}  # bits that make a pixel bad, by the name of the dataset
BLOCK = 64  # frames of a mask per exposure that are held at once


def good_pixels(raw, sense: str, habit: str, where: str, notes: list[str]) -> np.ndarray:
    """(rows, columns) bool, True = good, from a stored mask.

    raw   : array or dataset (rows, columns), or (..., rows, columns) per frame: a pixel bad in any frame is
        bad
    sense : "zero" or "nonzero" is the value of good pixels, said by the user; "auto" takes `habit` of the
        format
    habit : "zero" (CXI, NeXus), "nonzero" (ptypy), or "either": the sense which leaves more pixels
    Whole numbers of two bytes or more are flags, as CXI 1.6 (mask) and NeXus (pixel_mask) define them; those
    that are no faults leave a pixel good. NaN is bad.
    Errors: DataError when more than half of the pixels would be bad.
    """
    raw, shape = _stored(raw, where, notes), raw.shape[-2:]
    if raw is None:
        notes.append(f"warning: {where} was never written; no pixel is masked by it")
        return np.ones(shape, bool)
    bits = _faults(raw, where) if sense == "auto" else None
    zero, nonzero = _always_zero(raw, bits), _always_nonzero(raw)
    if bits is not None:
        kept = int(zero.sum() - _always_zero(raw, None).sum())
        notes += [f"{where}: {kept} pixels have flags that are no faults; they are good"] if kept else []
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


def _stored(raw, where: str, notes: list[str]):
    """The mask as it stands, with NaN (bad) where a part of a plane was never written.

    None where nothing of it was written. Errors: DataError where some planes of several are missing.
    """
    if len(raw.shape) == 2:
        out = measured(raw, where, notes)
        return None if np.all(out != out) else out
    lost = holes(raw).frames if hasattr(raw, "id") else np.zeros(1, bool)
    if lost.all():
        return None
    if lost.any():
        raise DataError(f"{where}: {int(lost.sum())} of {lost.size} planes of the mask were never written")
    return raw


def _blocks(raw):
    """2-D views of a mask, or its frames by blocks."""
    if len(raw.shape) == 2:
        yield np.asarray(raw[()])[None]
        return
    lead = raw.shape[:-2]
    for i in range(0, lead[0], BLOCK):
        yield np.asarray(raw[i : i + BLOCK]).reshape(-1, *raw.shape[-2:])


def _faults(raw, where: str) -> int | None:
    """The bits that make a pixel bad; None where a mask is no set of flags."""
    kind = np.dtype(raw.dtype)
    return FAULTS.get(where.rsplit("/", 1)[-1]) if kind.kind in "ui" and kind.itemsize > 1 else None


def _always_zero(raw, bits: int | None) -> np.ndarray:
    pick = (lambda b: b) if bits is None else (lambda b: b & np.asarray(bits, np.int64).astype(b.dtype))
    return np.logical_and.reduce([np.all(pick(b) == 0, axis=0) for b in _blocks(raw)])


def _always_nonzero(raw) -> np.ndarray:
    return np.logical_and.reduce([np.all((b != 0) & (b == b), axis=0) for b in _blocks(raw)])
