"""tv.py for one thread of a CPU: in one pass, v in two rows that stay in the first cache."""

import math as _math

import numpy as _np

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.kernels.tv import STEP as _STEP

_compiled = _compiler(nogil=True, fastmath={"contract", "nsz", "arcp"}, error_model="numpy")


@_compiled
def tv_dual(g, d, weight, new):
    k, h, w = g.shape
    step, one = g.dtype.type(_STEP), g.dtype.type(1)
    this, after = _np.empty(w, g.dtype), _np.empty(w, g.dtype)
    for j in range(k):
        over = one / weight[j]
        _row(g[j], d[j], over, 0, this)
        for y in range(h):
            if y + 1 < h:
                _row(g[j], d[j], over, y + 1, after)
            else:
                after[:] = this
            down, right, low, far = d[j, 0, y], d[j, 1, y], new[j, 0, y], new[j, 1, y]
            for x in range(w - 1):
                a, b = step * (after[x] - this[x]), step * (this[x + 1] - this[x])
                less = one / (one + _math.sqrt(a * a + b * b))
                low[x], far[x] = (down[x] + a) * less, (right[x] + b) * less
            a = step * (after[w - 1] - this[w - 1])
            less = one / (one + abs(a))
            low[w - 1], far[w - 1] = (down[w - 1] + a) * less, right[w - 1] * less
            this, after = after, this


@_compiled
def _row(g, d, over, y, v):
    """A row of div d - over g"""
    _divergence(d, y, v)
    for x in range(len(v)):
        v[x] -= over * g[y, x]


@_compiled
def _divergence(d, y, v):
    down, right = d[0, y], d[1, y]
    v[0] = down[0] + right[0]
    for x in range(1, len(v)):
        v[x] = down[x] + right[x] - right[x - 1]
    if y:
        before = d[0, y - 1]
        for x in range(len(v)):
            v[x] -= before[x]


@_compiled
def tv_primal(g, d, weight, u):
    k, h, w = g.shape
    row = _np.empty(w, g.dtype)
    for j in range(k):
        for y in range(h):
            _divergence(d[j], y, row)
            for x in range(w):
                u[j, y, x] = g[j, y, x] - weight[j] * row[x]
