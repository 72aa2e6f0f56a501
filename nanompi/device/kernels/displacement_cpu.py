"""displacement.py for one thread of a CPU."""

import math as _math

import numpy as _np

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.kernels.likelihood import EPS as _EPS

_compiled = _compiler(nogil=True, fastmath=True, error_model="numpy")


@_compiled
def position_sums(F, Dy, Dx, I, mask, gain, background, noise, out):
    n, M, h, w = F.shape
    zero, one, two, e = mask.dtype.type(0), mask.dtype.type(1), mask.dtype.type(2), mask.dtype.type(_EPS)
    dark = mask.dtype.type(background)
    a, u, v = _np.empty(w, mask.dtype), _np.empty(w, mask.dtype), _np.empty(w, mask.dtype)
    for j in range(n):
        g = gain[j]
        slope_y = slope_x = yy = yx = xx = 0.0
        for y in range(h):
            a[:], u[:], v[:] = dark, zero, zero
            for m in range(M):
                f, d, b = F[j, m, y], Dy[j, m, y], Dx[j, m, y]
                for x in range(w):
                    a[x] += g * (f[x].real * f[x].real + f[x].imag * f[x].imag)
                    u[x] += two * g * (f[x].real * d[x].real + f[x].imag * d[x].imag)
                    v[x] += two * g * (f[x].real * b[x].real + f[x].imag * b[x].imag)
            c, ok = I[j, y], mask[y]
            p = q = r = s = t = zero
            for x in range(w):
                i = mask.dtype.type(c[x])
                k = ok[x] if i >= zero else zero
                J = one / (a[x] + e)
                if noise == 0:
                    L1 = one - i * J
                elif noise == 1:
                    J = one / (abs(i) + one)
                    L1 = (a[x] - i) * J
                else:
                    L1 = two - two * _math.sqrt(abs(i) * J)
                p += k * L1 * u[x]
                q += k * L1 * v[x]
                r += k * J * u[x] * u[x]
                s += k * J * u[x] * v[x]
                t += k * J * v[x] * v[x]
            slope_y, slope_x = slope_y + p, slope_x + q
            yy, yx, xx = yy + r, yx + s, xx + t
        out[j, 0], out[j, 1], out[j, 2], out[j, 3], out[j, 4] = slope_y, slope_x, yy, yx, xx


@_compiled
def position_slopes(z, P, Oy, Ox, at, out):
    n, M, h, w = z.shape
    zero = Oy[0, 0].real * 0  # of the precision; the derivative ends with 0
    for j in range(n):
        r, c, s = at[j]
        slope_y = slope_x = 0.0
        for m in range(M):
            for y in range(h):
                p, t = P[s, m, y], z[j, m, y]
                a, b = Oy[r + y, c : c + w], Ox[r + y, c : c + w]
                u = v = zero
                for x in range(w):
                    re = p[x].real * t[x].real + p[x].imag * t[x].imag  # of P* z
                    im = p[x].real * t[x].imag - p[x].imag * t[x].real
                    u += a[x].real * re + a[x].imag * im
                    v += b[x].real * re + b[x].imag * im
                slope_y, slope_x = slope_y + u, slope_x + v
        out[j, 0], out[j, 1] = 2 * slope_y, 2 * slope_x
