"""Single pixels of single frames that a cosmic ray or a spark has made bright: not measured there.

Strong evidence only: such a pixel stands by a factor and by 12 sigma above everything that the look at some
frames has met within two pixels of it, and above all but two of its eight neighbours in its own frame. A
speckle of a sampled pattern has neighbours of its own kind.
"""

import numpy as np

from nanompi.methods.ptycho.prepare.faulty import FACTOR, LEAST, RING, SIGMA
from nanompi.optics import windows

NEAR = 5  # pixels across
MANY = 0.001  # part of the pixels of a block: more are not zingers, but unseen light


def highest(stack: np.ndarray, gain: float) -> np.ndarray | None:
    """(H, W) as stored: what no light reaches. None where too few frames were seen.

    stack : (k, H, W) frames as stored, of which each pixel's second largest value counts: the largest may
        itself be a zinger
    """
    if len(stack) < LEAST:
        return None
    first, second = np.zeros(stack.shape[1:], np.float32), np.zeros(stack.shape[1:], np.float32)
    for frame in stack:
        known = np.nan_to_num(frame.astype(np.float32), nan=0.0, posinf=0.0)
        np.maximum(second, np.minimum(first, known), out=second)
        np.maximum(first, known, out=first)
    near = windows.highest(second, NEAR)
    high = FACTOR * near + np.float32(SIGMA) * np.sqrt(gain * (near + gain), dtype=np.float32)
    if stack.dtype.kind == "f":
        return high
    most = float(min(np.iinfo(stack.dtype).max, 1 << 53))
    return np.minimum(high.astype(np.float64), most).astype(stack.dtype)  # of one type: compared faster


def zingers(x: np.ndarray, peak: np.ndarray, limit: np.ndarray, gain: float) -> tuple | None:
    """(frames, rows, columns) of the zingers in a block (k, h, w), or None.

    peak : (h, w), x.max(0); limit : (h, w), of `highest`
    """
    above = peak > limit
    if not above.any():
        return None
    rows, columns = np.nonzero(above)
    if len(rows) > MANY * limit.size + 8:
        return None
    frame, at = np.nonzero(x[:, rows, columns] > limit[rows, columns])
    row, column = rows[at], columns[at]
    (h, w), (down, right) = limit.shape, np.array(RING).T
    ring = x[frame[:, None], (row[:, None] + down) % h, (column[:, None] + right) % w]
    third = np.maximum(np.sort(ring, axis=1)[:, -3].astype(np.float64), 0)
    alone = x[frame, row, column] > FACTOR * third + SIGMA * np.sqrt(gain * (third + gain))
    return (frame[alone], row[alone], column[alone]) if alone.any() else None
