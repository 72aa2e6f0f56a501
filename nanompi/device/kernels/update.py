"""What an engine does with object and probe once an iteration, each in one pass over its arrays.

A probe (M, h, w) may have weights (h, w): those of the last axes, for each mode.
"""

import numpy as _np

PER_THREAD = 4  # elements that a thread of a card does at least, so that few blocks have sums to add up
ROWS_AT_ONCE = 256  # of a sum on a CPU, so that no array of the object's size is made


def divide(O, num, den, eps):
    """O <- (num + eps O) / (den + eps), den and eps real

    eps : a number, or on a card an array that holds one
    """
    O *= eps
    O += num
    O *= 1 / (den + eps)  # a complex division would cost three times as much


def blend(y, x, a, b):
    """y <- a y + b x, a and b real"""
    y *= a
    y += b * x


def descend(g, w):
    """g <- -g / w, w real: steepest descent, preconditioned"""
    g *= -1 / w


def inner(a, w, b, c):
    """Re <a, w b> and Re <a, w c>, summed in double; w real"""
    rows = [_np.broadcast_to(v, a.shape).reshape(-1, a.shape[-1]) for v in (a, w, b, c)]
    cuts = [slice(i, i + ROWS_AT_ONCE) for i in range(0, len(rows[0]), ROWS_AT_ONCE)]
    a, w = rows[:2]
    return tuple(
        float(sum(((a[f].conj() * v[f]).real * w[f]).sum(dtype=_np.float64) for f in cuts)) for v in rows[2:]
    )
