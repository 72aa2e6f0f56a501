"""moments.py for one thread of a CPU. Each column is added up over the rows, which is vector code: uint16 in
whole numbers (a column of 65,537 rows would be the first too long for 32 bits), float32 in float64."""

import numpy as _np

from nanompi.device.compiled import compiler as _compiler

_compiled = _compiler(nogil=True, error_model="numpy")


def moments(I, good, bright, y, x, out):
    if I.dtype == _np.uint16:
        _whole(I, *(_np.where(m, _np.uint16(0xFFFF), _np.uint16(0)) for m in (good, bright)), y, x, out)
    else:
        _real(I, good, bright, y, x, out)


@_compiled
def _whole(I, good, bright, y, x, out):
    k, h, w = I.shape
    column, lit, most = _np.empty(w, _np.uint32), _np.empty(w, _np.uint32), _np.empty(w, _np.uint16)
    for j in range(k):
        column[:], lit[:], most[:] = 0, 0, 0
        my = 0.0
        for r in range(h):
            i, g, b, row = I[j, r], good[r], bright[r], 0
            for c in range(w):
                v = i[c] & g[c]
                column[c] += v
                lit[c] += i[c] & b[c]
                most[c] = max(most[c], v)
                row += v
            my += y[r] * row
        _store(column, lit, most, my, x, out[j])


@_compiled
def _real(I, good, bright, y, x, out):
    k, h, w = I.shape
    column, lit, most = _np.empty(w), _np.empty(w), _np.empty(w)
    for j in range(k):
        column[:], lit[:], most[:] = 0, 0, 0
        my = 0.0
        for r in range(h):
            i, g, b, row = I[j, r], good[r], bright[r], 0.0
            for c in range(w):
                v = i[c] if g[c] and i[c] > 0 else 0.0
                column[c] += v
                lit[c] += v if b[c] else 0.0
                most[c] = max(most[c], v)
            for c in range(w):
                row += i[c] if g[c] and i[c] > 0 else 0.0
            my += y[r] * row
        _store(column, lit, most, my, x, out[j])


@_compiled
def _store(column, lit, most, my, x, out):
    total, bright, mx, top = 0.0, 0.0, 0.0, 0.0
    for c in range(len(column)):
        total += column[c]
        bright += lit[c]
        mx += x[c] * column[c]
        top = max(top, float(most[c]))
    out[0], out[1], out[2], out[3], out[4] = bright, total - bright, my, mx, top
