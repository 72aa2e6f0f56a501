"""Summing b x b pixels into one."""

import numpy as np


def rebin(block: np.ndarray, b: int) -> np.ndarray:
    """(k, h, w) -> (k, h/b, w/b), sums of counts; a sum with a pixel not measured (negative) is -1.

    Sums of uint16 are uint32, of wider integers int64; floats stay floats.
    """
    if b == 1:
        return block
    sums = (len(block), block.shape[1] // b, block.shape[2] // b)
    out = np.zeros(sums, _wide(block.dtype))
    lost = np.zeros(sums, bool)
    for i in range(b):
        for j in range(b):
            part = block[:, i::b, j::b]
            out += part
            if block.dtype.kind != "u":
                lost |= part < 0
    if lost.any():
        out[lost] = -1
    return out


def _wide(dtype):
    """A dtype for sums."""
    if dtype.kind not in "ui":
        return np.promote_types(dtype, np.float32)  # half precision ends at 65504, is exact to 2048
    return np.uint32 if dtype.kind == "u" and dtype.itemsize <= 2 else np.int64


def rebin_mask(mask: np.ndarray, b: int) -> np.ndarray:
    """(h, w) bool -> (h/b, w/b): good where all pixels are good."""
    h, w = mask.shape
    return mask.reshape(h // b, b, w // b, b).all(axis=(1, 3))
