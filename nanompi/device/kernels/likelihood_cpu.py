"""likelihood.py for one thread of a CPU."""

import math as _math

import numpy as _np

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.kernels.likelihood import EPS as _EPS
from nanompi.device.kernels.likelihood import FLOOR as _FLOOR
from nanompi.device.kernels.likelihood import POISSON as _POISSON

_compiled = _compiler(nogil=True, fastmath=True, error_model="numpy")


def photons(F, I, mask, gain, given, back, light):
    if back > 0:
        _photons_above(F, I, mask, gain, given, mask.dtype.type(back + _EPS), light)
    else:
        _photons(F, I, mask, given, light)


@_compiled
def _photons(F, I, mask, gain, light):
    n, M, h, w = F.shape
    zero = mask.dtype.type(0)
    for j in range(n):
        counts, bright = 0.0, 0.0
        for y in range(h):
            c, ok, number, row = I[j, y], mask[y], zero, zero
            for x in range(w):
                i = mask.dtype.type(c[x])
                number += ok[x] * (i if i >= zero else zero)
            for m in range(M):
                f = F[j, m, y]
                for x in range(w):
                    k = ok[x] if mask.dtype.type(c[x]) >= zero else zero
                    row += k * (f[x].real * f[x].real + f[x].imag * f[x].imag)
            counts, bright = counts + number, bright + row
        light[j, 0], light[j, 1] = counts, gain[j] * bright


@_compiled
def _photons_above(F, I, mask, gain, given, back, light):
    n, M, h, w = F.shape
    zero, square = mask.dtype.type(0), _np.empty(w, mask.dtype)
    for j in range(n):
        counts, bright, g = 0.0, 0.0, gain[j]
        for y in range(h):
            c, ok, number, row = I[j, y], mask[y], zero, zero
            square[:] = zero
            for m in range(M):
                f = F[j, m, y]
                for x in range(w):
                    square[x] += f[x].real * f[x].real + f[x].imag * f[x].imag
            for x in range(w):
                i, own = mask.dtype.type(c[x]), g * square[x]
                k = ok[x] if i >= zero else zero
                number += k * i * own / (own + back)
                row += k * square[x]
            counts, bright = counts + number, bright + row
        light[j, 0], light[j, 1] = counts, given[j] * bright


def gradient(F, I, mask, gain, noise, back, work, z):
    a, log_a = work
    _intensity(F, gain, back, a)
    if noise == _POISSON:
        _log(a, _EPS, log_a)
    return _gradient(F, a, log_a, I, mask, gain, noise, back, z)


def figures(F, I, mask, gain, expected, back, work):
    a, log_a, log_I = work
    _intensity(F, gain, back, a)
    _log(a, _FLOOR, log_a)
    _np.log(_np.maximum(I, a.dtype.type(1e-9), out=log_I, casting="unsafe"), out=log_I)
    return _figures(a, log_a, I, log_I, mask, expected)


def _log(a, floor, out):
    """log(a + floor): NumPy's loop is vector code, numba's is not"""
    _np.log(_np.add(a, a.dtype.type(floor), out=out), out=out)


@_compiled
def _intensity(F, gain, back, a):
    n, M, h, w = F.shape
    for j in range(n):
        g = gain[j]
        for y in range(h):
            f, t = F[j, 0, y], a[j, y]
            for x in range(w):
                t[x] = g * (f[x].real * f[x].real + f[x].imag * f[x].imag) + back
            for m in range(1, M):
                f = F[j, m, y]
                for x in range(w):
                    t[x] += g * (f[x].real * f[x].real + f[x].imag * f[x].imag)


@_compiled
def _gradient(F, a, log_a, I, mask, gain, noise, back, z):
    n, M, h, w = F.shape
    zero, one, two, e = mask.dtype.type(0), mask.dtype.type(1), mask.dtype.type(2), mask.dtype.type(_EPS)
    L1 = _np.empty(w, mask.dtype)
    total = 0.0
    for j in range(n):
        for y in range(h):
            c, t, lt, ok, L = I[j, y], a[j, y], log_a[j, y], mask[y], zero
            if noise == 0:
                for x in range(w):
                    i = mask.dtype.type(c[x])
                    k = ok[x] if i >= zero else zero
                    L += k * (t[x] - i * lt[x])
                    L1[x] = gain[j] * k * (one - i / (t[x] + e))
            elif noise == 1:
                for x in range(w):
                    i = mask.dtype.type(c[x])
                    k = ok[x] if i >= zero else zero
                    d = (t[x] - i) / (abs(i) + one)
                    L += k * d * (t[x] - i) / two
                    L1[x] = gain[j] * k * d
            else:
                for x in range(w):
                    i = mask.dtype.type(c[x])
                    k = ok[x] if i >= zero else zero
                    s, q = _math.sqrt(t[x] + e), _math.sqrt(abs(i))
                    L += k * two * (s - q) * (s - q)
                    L1[x] = gain[j] * k * (two - two * q / s)
            total += L
            for m in range(M):
                f, out = F[j, m, y], z[j, m, y]
                for x in range(w):
                    out[x] = complex(f[x].real * L1[x], f[x].imag * L1[x])
    return total


@_compiled
def line(F, D, I, mask, gain, noise, back):
    n, M, h, w = F.shape
    zero, one, two, e = mask.dtype.type(0), mask.dtype.type(1), mask.dtype.type(2), mask.dtype.type(_EPS)
    a, b = _np.empty(w, mask.dtype), _np.empty(w, mask.dtype)
    slope, curve = 0.0, 0.0
    for j in range(n):
        g = gain[j]
        for y in range(h):
            a[:], b[:] = back, zero
            for m in range(M):
                f, d = F[j, m, y], D[j, m, y]
                for x in range(w):
                    a[x] += g * (f[x].real * f[x].real + f[x].imag * f[x].imag)
                    b[x] += two * g * (f[x].real * d[x].real + f[x].imag * d[x].imag)
            c, ok, p, q = I[j, y], mask[y], zero, zero
            for x in range(w):
                i = mask.dtype.type(c[x])
                k = ok[x] if i >= zero else zero
                u = one / (a[x] + e)
                if noise == 0:
                    L1, J = one - i * u, u
                elif noise == 1:
                    J = one / (abs(i) + one)
                    L1 = (a[x] - i) * J
                else:
                    L1, J = two - two * _math.sqrt(abs(i) * u), u
                p += k * L1 * b[x]
                q += k * J * b[x] * b[x]
            slope, curve = slope + p, curve + q
    return slope, curve


@_compiled
def _figures(a, log_a, I, log_I, mask, expected):
    n, h, w = a.shape
    zero, one, two, six = mask.dtype.type(0), mask.dtype.type(1), mask.dtype.type(2), mask.dtype.type(6)
    fine, last = mask.dtype.type(32), len(expected) - 1
    out = _np.zeros(8)
    for j in range(n):
        for y in range(h):
            t, lt, c, lc, ok = a[j, y], log_a[j, y], I[j, y], log_I[j, y], mask[y]
            dev, mean, dif, root, square = zero, zero, zero, zero, zero
            photons, model, pixels = zero, zero, zero
            for x in range(w):
                i = mask.dtype.type(c[x])
                if ok[x] <= zero or i < zero:
                    continue
                s, q = _math.sqrt(t[x]), _math.sqrt(i)
                u = s * fine
                at = int(u)
                if at < last:
                    mean += expected[at] + (u - mask.dtype.type(at)) * (expected[at + 1] - expected[at])
                else:
                    mean += one + one / (six * t[x])
                dev += two * (t[x] - i + i * (lc[x] - lt[x]))
                dif += abs(s - q)
                root += q
                square += (s - q) * (s - q)
                photons += i
                model += t[x]
                pixels += one
            out += _np.array([dev, mean, dif, root, square, photons, model, pixels])
    return (out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7])
