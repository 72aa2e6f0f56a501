"""Waves at many shifts below a pixel, and the adjoint, on a CPU: a shift is a phase ramp of rows times one of
columns.

Shifts that have the ramp of columns in common share the transform along the rows; each needs but its own
along the columns, which is half of the work. For sides that are multiples of 16 (fft_cpu.py).
"""

import numpy as np

from nanompi.device.compiled import compiler
from nanompi.device.fft_cpu import aligned_zeros, columns, plan, radices, rows
from nanompi.device.lanes import BYTES
from nanompi.mpi.messages import reals

_compiled = compiler(nogil=True, fastmath=True, error_model="numpy")


def fits(shape) -> bool:
    """Are these shifts for waves of (h, w)?"""
    return all(n % 16 == 0 and radices(n) for n in shape)


def runs(x: np.ndarray) -> np.ndarray:
    """(G + 1,) where each run of shifts with equal ramps of columns begins, and the end. x : (S, w)"""
    new = np.flatnonzero((x[1:] != x[:-1]).any(1)) + 1
    return np.concatenate([[0], new, [len(x)]])


def shifted(z, y, x, starts, out, lane, lanes):
    """out_s = inverse transform of y_s x_s z, of every `lanes`-th run of shifts.

    z : (M, h, w) complex, a spectrum; y : (S, h), x : (S, w) complex; starts : of `runs`
    out : (S, M, h, w)
    """
    _shifted(z, y, x, starts, out, reals(out), *_plans(z, True), lane, lanes)


def shifted_back(num, y, x, starts, few, lane, lanes):
    """few_g = sum of (y_s x_s)* times the transform of num_s, over the shifts s of every `lanes`-th run g.

    num : (S, M, h, w) complex; few : (G, M, h, w)
    """
    _shifted_back(num, reals(num), y, x, starts, few, *_plans(num, False), lane, lanes)


def _plans(z, inverse: bool):
    """Of rows and of columns, and complex numbers in a vector"""
    real, (h, w) = z.real.dtype.str, z.shape[-2:]
    return plan(w, inverse, real), plan(h, inverse, real), BYTES // z.itemsize


@_compiled
def _shifted(z, y, x, starts, out, flat, row, column, half, lane, lanes):
    M, h, w = z.shape
    V, wide, size = 2 * half, 2 * w, 2 * M * h * w
    strip = aligned_zeros(4 * half * (max(h, w) + V), flat)
    line, turned, work = aligned_zeros(size, flat), aligned_zeros(size, flat), aligned_zeros(size, flat)
    for g in range(lane, len(starts) - 1, lanes):
        _times(z, x[starts[g]], line)
        for o in range(0, size, wide * V):
            rows(line, o, wide, strip, row, w, V)
        for k in range(0, size, 2):  # i line: then no lanes cross
            turned[k], turned[k + 1] = -line[k + 1], line[k]
        for s in range(starts[g], starts[g + 1]):
            for r in range(M * h):
                p, ramp = wide * r, y[s, r % h]
                to, a, b = work[p : p + wide], line[p : p + wide], turned[p : p + wide]
                for c in range(wide):
                    to[c] = ramp.real * a[c] + ramp.imag * b[c]
            _along_columns(work, z.shape, strip, column, V)
            to = flat[s * size : (s + 1) * size]
            for k in range(size):
                to[k] = work[k]


@_compiled
def _along_columns(work, shape, strip, column, V):
    """Transform waves (M, h, w) along their columns, in place."""
    M, h, w = shape
    for m in range(M):
        for o in range(2 * w * h * m, 2 * w * (h * m + 1), 2 * V):
            columns(work, o, 2 * w, strip, column, h, V)


@_compiled
def _times(z, ramp, line):
    """line = ramp z, of columns"""
    M, h, w = z.shape
    for m in range(M):
        for r in range(h):
            o = 2 * w * (m * h + r)
            for c in range(w):
                v = ramp[c] * z[m, r, c]
                line[o + 2 * c], line[o + 2 * c + 1] = v.real, v.imag


@_compiled
def _shifted_back(num, flat, y, x, starts, few, row, column, half, lane, lanes):
    M, h, w = num.shape[1:]
    V, wide, size = 2 * half, 2 * w, 2 * M * h * w
    strip = aligned_zeros(4 * half * (max(h, w) + V), flat)
    line, turned, work = aligned_zeros(size, flat), aligned_zeros(size, flat), aligned_zeros(size, flat)
    for g in range(lane, len(starts) - 1, lanes):
        line[:], turned[:] = 0, 0
        for s in range(starts[g], starts[g + 1]):
            of = flat[s * size : (s + 1) * size]
            for k in range(size):
                work[k] = of[k]
            _along_columns(work, num.shape[1:], strip, column, V)
            for r in range(M * h):
                p, ramp = wide * r, y[s, r % h]
                of, a, b = work[p : p + wide], line[p : p + wide], turned[p : p + wide]
                for c in range(wide):
                    a[c] += ramp.real * of[c]
                    b[c] += ramp.imag * of[c]
        for k in range(0, size, 2):  # line - i turned
            line[k], line[k + 1] = line[k] + turned[k + 1], line[k + 1] - turned[k]
        for o in range(0, size, wide * V):
            rows(line, o, wide, strip, row, w, V)
        _times_conjugate(line, x[starts[g]], few[g])


@_compiled
def _times_conjugate(line, ramp, out):
    """out = ramp* line"""
    M, h, w = out.shape
    for m in range(M):
        for r in range(h):
            o = 2 * w * (m * h + r)
            for c in range(w):
                out[m, r, c] = ramp[c].conjugate() * complex(line[o + 2 * c], line[o + 2 * c + 1])
