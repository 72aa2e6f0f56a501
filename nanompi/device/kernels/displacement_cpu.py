"""displacement.py for one thread of a CPU."""

import math as _math

import numpy as _np

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.kernels.displacement import _WEIGHTS
from nanompi.device.kernels.displacement import TAPS as _TAPS
from nanompi.device.kernels.likelihood import EPS as _EPS
from nanompi.device.lanes import BYTES as _BYTES
from nanompi.device.sweep_words import slopes_row as _slopes_row
from nanompi.mpi.messages import reals as _reals

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


def position_slopes(z, P, Oy, Ox, at, out):
    flat = map(_reals, (z, P, Oy, Ox))
    _position_slopes(*flat, at, z.shape[1:], Oy.shape[1], _BYTES // z.real.itemsize, out)


@_compiled
def _position_slopes(z, P, Oy, Ox, at, shape, width, V, out):
    M, h, w = shape
    sums, rest = _np.empty(2 * V, z.dtype), w // V * V
    for j in range(len(at)):
        r, c, s = at[j, 0], at[j, 1], at[j, 2]
        slope_y = slope_x = 0.0
        for y in range(h):
            sums[:] = 0
            o = 2 * ((r + y) * width + c)
            for m in range(M):
                p, q = 2 * w * ((s * M + m) * h + y), 2 * w * ((j * M + m) * h + y)
                _slopes_row(P, p, z, q, Oy, Ox, o, w // V, sums)
                for x in range(2 * rest, 2 * w, 2):
                    re = P[p + x] * z[q + x] + P[p + x + 1] * z[q + x + 1]
                    im = P[p + x] * z[q + x + 1] - P[p + x + 1] * z[q + x]
                    sums[0] += Oy[o + x] * re + Oy[o + x + 1] * im
                    sums[V] += Ox[o + x] * re + Ox[o + x + 1] * im
            u = v = sums[0] * 0  # of the precision
            for k in range(V):
                u, v = u + sums[k], v + sums[V + k]
            slope_y, slope_x = slope_y + u, slope_x + v
        out[j, 0], out[j, 1] = 2 * slope_y, 2 * slope_x


def derivatives(O, Oy, Ox):
    real = O.real.dtype
    weights = (real.type(weight) for weight in _WEIGHTS)
    _derivatives(O.view(real), Oy.view(real), Ox.view(real), 2 * _TAPS, *weights)


@_compiled
def _derivatives(O, Oy, Ox, edge, a, b, c):
    H, W = O.shape
    for y in range(H):
        Oy[y], Ox[y] = 0, 0
        if W > 2 * edge:
            to = Ox[y, edge : W - edge]
            p, q, r, s, t, u = O[y, 8:], O[y, 4:], O[y, 10:], O[y, 2:], O[y, 12:], O[y]
            for x in range(W - 2 * edge):
                to[x] = a * (p[x] - q[x]) + b * (r[x] - s[x]) + c * (t[x] - u[x])
    for y in range(edge // 2, H - edge // 2):
        to = Oy[y]
        p, q, r, s, t, u = O[y + 1], O[y - 1], O[y + 2], O[y - 2], O[y + 3], O[y - 3]
        for x in range(W):
            to[x] = a * (p[x] - q[x]) + b * (r[x] - s[x]) + c * (t[x] - u[x])
