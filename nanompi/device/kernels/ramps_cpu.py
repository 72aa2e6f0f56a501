"""ramps.py for one thread of a CPU."""

from nanompi.device.compiled import compiler as _compiler

_compiled = _compiler(nogil=True, fastmath=True, error_model="numpy")


@_compiled
def ramps(z, y, x, out):
    S, M, h, w = out.shape
    for s in range(S):
        for m in range(M):
            for r in range(h):
                a, b, p, q = y[s, r], x[s], z[m, r], out[s, m, r]
                for c in range(w):
                    q[c] = a * b[c] * p[c]


@_compiled
def ramps_adjoint(num, y, x, z):
    S, M, h, w = num.shape
    z[:] = 0
    for s in range(S):
        for m in range(M):
            for r in range(h):
                a, b, p, q = y[s, r], x[s], num[s, m, r], z[m, r]
                for c in range(w):
                    q[c] += (a * b[c]).conjugate() * p[c]
