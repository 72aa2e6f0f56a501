"""backproject.py for one thread of a CPU. Places and weights of a row of pixels are the same for all slices:
they are found first, in a loop that the compiler makes vector code of."""

import numpy as _np

from nanompi.device.compiled import compiler as _compiler

_compiled = _compiler(nogil=True, fastmath=True, error_model="numpy")


@_compiled
def backproject(q, turn, centre, radius, out, lane, lanes):
    k, A, n = q.shape
    h, w = out.shape[1:]
    at, share = _np.empty(w, _np.int32), _np.empty(w, q.dtype)
    middle = (w - 1) / 2
    for row in range(lane, h, lanes):
        y = row - (h - 1) / 2
        if y * y > radius * radius:
            continue
        reach = _np.sqrt(radius * radius - y * y)
        first, last = max(0, int(_np.ceil(middle - reach))), min(w, int(_np.floor(middle + reach)) + 1)
        for a in range(A):
            cos, weight = turn[a, 0], turn[a, 2]
            start = y * turn[a, 1] + centre
            for x in range(first, last):
                t = min(max((x - middle) * cos + start, 0.0), n - 1.0)
                at[x] = min(int(t), n - 2)
                share[x] = t - at[x]
            for j in range(k):
                p, f = q[j, a], out[j, row]
                for x in range(first, last):
                    i = at[x]
                    f[x] += q.dtype.type(weight) * (p[i] + share[x] * (p[i + 1] - p[i]))
