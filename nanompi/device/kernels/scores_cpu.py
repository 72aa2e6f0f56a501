"""scores.py for one thread of a CPU."""

import math as _math

import numpy as _np

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.kernels.likelihood import FLOOR as _FLOOR
from nanompi.device.kernels.scores import FRAME_SUMS as _FRAME_SUMS
from nanompi.device.kernels.scores import SOFT as _SOFT

_compiled = _compiler(nogil=True, fastmath=True, error_model="numpy")


def scores(F, Dy, Dx, I, mask, gain, background, far, expected, rows, maps, work):
    a, log_a, log_I = work
    _intensity(F, gain, a.dtype.type(background), a)
    _np.log(_np.add(a, a.dtype.type(_FLOOR), out=log_a), out=log_a)
    _np.log(_np.maximum(I, a.dtype.type(1e-9), out=log_I, casting="unsafe"), out=log_I)
    _scores(F, Dy, Dx, a, log_a, I, log_I, mask, gain, far, expected, rows, maps)


@_compiled
def _intensity(F, gain, background, a):
    n, M, h, w = F.shape
    for j in range(n):
        g = gain[j]
        for y in range(h):
            t = a[j, y]
            t[:] = background
            for m in range(M):
                f = F[j, m, y]
                for x in range(w):
                    t[x] += g * (f[x].real * f[x].real + f[x].imag * f[x].imag)


@_compiled
def _laplacian(row, up, down, out):
    w, four = len(row), row.dtype.type(4)
    for x in range(w):
        out[x] = up[x] + down[x] + row[x - 1] + row[x + 1 if x + 1 < w else 0] - four * row[x]


@_compiled
def _spread(F, up, down, scale, out):
    """Row of what the modes would add; F : (M, w), up, down : its neighbours"""
    M, w = F.shape
    out[:] = 0
    for m in range(M):
        for x in range(w):
            d, e = up[m, x] - down[m, x], F[m, x - 1] - F[m, x + 1 if x + 1 < w else 0]
            out[x] += scale * (d.real * d.real + d.imag * d.imag + e.real * e.real + e.imag * e.imag)


@_compiled
def _scores(F, Dy, Dx, a, log_a, I, log_I, mask, gain, far, expected, rows, maps):
    n, M, h, w = F.shape
    zero, one, two, four = mask.dtype.type(0), mask.dtype.type(1), mask.dtype.type(2), mask.dtype.type(4)
    six, fine, soft, last = (
        mask.dtype.type(6),
        mask.dtype.type(32),
        mask.dtype.type(_SOFT),
        len(expected) - 1,
    )
    by, bx, blur = _np.empty(w, mask.dtype), _np.empty(w, mask.dtype), _np.empty(w, mask.dtype)
    mean, dev = _np.empty(w, mask.dtype), _np.empty(w, mask.dtype)
    for j in range(n):
        g = two * gain[j]
        out = _np.zeros(_FRAME_SUMS)
        for y in range(h):
            by[:], bx[:] = zero, zero
            for m in range(M):
                f, d, e = F[j, m, y], Dy[j, m, y], Dx[j, m, y]
                for x in range(w):
                    by[x] += g * (f[x].real * d[x].real + f[x].imag * d[x].imag)
                    bx[x] += g * (f[x].real * e[x].real + f[x].imag * e[x].imag)
            t, below = a[j, y], y + 1 if y + 1 < h else 0
            if far:
                _spread(F[j, :, y], F[j, :, y - 1], F[j, :, below], gain[j] / four, blur)
            else:
                _laplacian(t, a[j, y - 1], a[j, below], blur)
            for x in range(w):
                u = _math.sqrt(t[x]) * fine
                at = int(u)
                if at < last:
                    mean[x] = expected[at] + (u - mask.dtype.type(at)) * (expected[at + 1] - expected[at])
                else:
                    mean[x] = one + one / (six * t[x])
            c, lt, lc, ok = I[j, y], log_a[j, y], log_I[j, y], mask[y]
            s0, s1, s2, s3, s4, s5, s6 = zero, zero, zero, zero, zero, zero, zero
            s7, s8, s9, s10, s11, s12, s13, s14 = zero, zero, zero, zero, zero, zero, zero, zero
            for x in range(w):
                i = max(mask.dtype.type(c[x]), zero)
                k = ok[x] if c[x] >= 0 else zero
                J = k / (t[x] + soft)
                r = (t[x] - i) * J
                dev[x] = k * two * (t[x] - i + i * (lc[x] - lt[x]))
                mean[x] *= k
                s0 += dev[x]
                s1 += mean[x]
                s2 += k * i
                s3 += k * t[x]
                s4 += k * i * lc[x]
                s5 += r * by[x]
                s6 += r * bx[x]
                s7 += J * by[x] * by[x]
                s8 += J * by[x] * bx[x]
                s9 += J * bx[x] * bx[x]
                s10 += r * blur[x]
                s11 += J * blur[x] * blur[x]
                s12 += J * blur[x] * t[x]
                s13 += r
                s14 += J
            for x in range(w):
                k = ok[x] if c[x] >= 0 else zero
                maps[0, y, x] += dev[x] - mean[x]
                maps[1, y, x] += k * max(mask.dtype.type(c[x]), zero)
                maps[2, y, x] += k * t[x]
            out += _np.array([s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14])
        rows[j] = out
