"""overlap.py for one thread of a CPU. Plain loops over rows: the compiler makes vector code of the
innermost one."""

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.kernels.overlap import BAND
from nanompi.device.lanes import BYTES as _BYTES
from nanompi.device.sweep_words import add_row as _add_row
from nanompi.mpi.messages import reals as _reals

_compiled = _compiler(nogil=True, fastmath=True, error_model="numpy")
ROWS = 8  # of the probe: their sums over frames stay in the first cache


@_compiled
def exit_waves(O, P, at, psi):
    n, M, h, w = psi.shape
    for j in range(n):
        y0, x0, s = at[j, 0], at[j, 1], at[j, 2]
        for m in range(M):
            for y in range(h):
                o, p, q = O[y0 + y, x0 : x0 + w], P[s, m, y], psi[j, m, y]
                for x in range(w):
                    q[x] = p[x] * o[x]


def mix(O, P, at, psi, a, b, z):
    if b == 0:
        z[...], psi = 0, z
    _mix(O, P, at, psi, a, b, z)


@_compiled
def _mix(O, P, at, psi, a, b, z):
    n, M, h, w = psi.shape
    for j in range(n):
        y0, x0, s = at[j, 0], at[j, 1], at[j, 2]
        for m in range(M):
            for y in range(h):
                o, p, q, t = O[y0 + y, x0 : x0 + w], P[s, m, y], psi[j, m, y], z[j, m, y]
                for x in range(w):
                    t[x] = a * (p[x] * o[x]) + b * q[x]


def follow(O, P, at, psi, z, c, d, e):
    if c == 0:
        psi[...] = 0
    _follow(O, P, at, psi, z, c, d, e)


@_compiled
def _follow(O, P, at, psi, z, c, d, e):
    n, M, h, w = psi.shape
    for j in range(n):
        y0, x0, s = at[j, 0], at[j, 1], at[j, 2]
        for m in range(M):
            for y in range(h):
                o, p, q, t = O[y0 + y, x0 : x0 + w], P[s, m, y], psi[j, m, y], z[j, m, y]
                for x in range(w):
                    q[x] = c * q[x] + d * (p[x] * o[x]) + e * t[x]


@_compiled
def tangent(O, P, dO, dP, at, z):
    n, M, h, w = z.shape
    for j in range(n):
        y0, x0, s = at[j, 0], at[j, 1], at[j, 2]
        for m in range(M):
            for y in range(h):
                o, do = O[y0 + y, x0 : x0 + w], dO[y0 + y, x0 : x0 + w]
                p, dp, t = P[s, m, y], dP[s, m, y], z[j, m, y]
                for x in range(w):
                    t[x] = p[x] * do[x] + dp[x] * o[x]


def object_sums(psi, P, at, num, lane, lanes):
    flat = map(_reals, (psi, P, num))
    _object_sums(*flat, at, psi.shape[1:], num.shape[1], lane, lanes, _BYTES // num.real.itemsize)


@_compiled
def _object_sums(psi, P, num, at, shape, width, lane, lanes, V):
    M, h, w = shape
    rest = w // V * V
    for j in range(len(at)):
        y0, x0, s = at[j, 0], at[j, 1], at[j, 2]
        for y in range(h):
            if ((y0 + y) // BAND) % lanes != lane:
                continue
            o = 2 * ((y0 + y) * width + x0)
            for m in range(M):
                p, q = 2 * w * ((s * M + m) * h + y), 2 * w * ((j * M + m) * h + y)
                _add_row(P, p, psi, q, w // V, num, o)
                for x in range(2 * rest, 2 * w, 2):
                    num[o + x] += P[p + x] * psi[q + x] + P[p + x + 1] * psi[q + x + 1]
                    num[o + x + 1] += P[p + x] * psi[q + x + 1] - P[p + x + 1] * psi[q + x]


@_compiled
def powers(P, out):
    S, M, h, w = P.shape
    for s in range(S):
        for y in range(h):
            to = out[s, y]
            for m in range(M):
                p = P[s, m, y]
                for x in range(w):
                    light = p[x].real * p[x].real + p[x].imag * p[x].imag
                    to[x] = light if m == 0 else to[x] + light


@_compiled
def object_weights(P2, at, den, lane, lanes):
    _, h, w = P2.shape
    for j in range(len(at)):
        y0, x0, s = at[j, 0], at[j, 1], at[j, 2]
        for y in range(h):
            if ((y0 + y) // BAND) % lanes != lane:
                continue
            d, p = den[y0 + y, x0 : x0 + w], P2[s, y]
            for x in range(w):
                d[x] += p[x]


@_compiled
def probe_sums(psi, O, at, num, den, lane, lanes):
    n, M, h, w = psi.shape
    end = h * (lane + 1) // lanes
    for first in range(h * lane // lanes, end, ROWS):
        for j in range(n):
            y0, x0, s = at[j, 0], at[j, 1], at[j, 2]
            for y in range(first, min(first + ROWS, end)):
                o, d = O[y0 + y, x0 : x0 + w], den[s % len(den), y]
                for x in range(w):
                    d[x] += o[x].real * o[x].real + o[x].imag * o[x].imag
                for m in range(M):
                    q, t = psi[j, m, y], num[s, m, y]
                    for x in range(w):
                        t[x] += o[x].conjugate() * q[x]
