"""modulus.py for one thread of a CPU."""

import math as _math

import numpy as _np

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.kernels.modulus import TINY as _TINY

_compiled = _compiler(nogil=True, fastmath=True, error_model="numpy")


@_compiled
def project(F, I, mask, gain, unit, back, rho):
    n, M, h, w = F.shape
    least = mask.dtype.type(_TINY)
    zero, one, tiny = mask.dtype.type(0), mask.dtype.type(1), mask.dtype.type(1e-10)
    four = mask.dtype.type(4) * (one + rho)
    half = one / (mask.dtype.type(2) * (one + rho))
    a, count = _np.empty(w, mask.dtype), _np.empty(w, mask.dtype)
    total = 0.0
    for j in range(n):
        g = gain[j]
        for y in range(h):
            f = F[j, 0, y]
            for x in range(w):
                a[x] = f[x].real * f[x].real + f[x].imag * f[x].imag
            for m in range(1, M):
                f = F[j, m, y]
                for x in range(w):
                    a[x] += f[x].real * f[x].real + f[x].imag * f[x].imag
            i, ok, error = I[j, y], mask[y], zero
            for x in range(w):
                count[x] = mask.dtype.type(i[x])
            if back != zero:
                for x in range(w):
                    count[x] *= (g * a[x] + least) / (g * a[x] + back + least)
            for x in range(w):
                c = count[x]
                k = ok[x] if c >= zero else zero
                A = _math.sqrt(g * a[x])
                d = A - _math.sqrt(abs(c))
                t = half * (rho * A + _math.sqrt(rho * rho * g * a[x] + four * abs(c)))
                error += k * d * d
                a[x] = unit * (one + k * (t / (A + tiny) - one))
            total += error
            for m in range(M):
                f = F[j, m, y]
                for x in range(w):
                    f[x] = complex(f[x].real * a[x], f[x].imag * a[x])
    return total
