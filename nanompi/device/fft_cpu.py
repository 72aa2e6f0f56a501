"""Fourier transforms over both axes of frames, for one thread of a CPU, in place.

Rows, then columns: as many side by side as a vector register has lanes (lanes.py), in a strip that stays in
the first cache. A length n = r1 r2 ... is a transform of r1 waves n / r1 apart, times exp(-2 pi i j k / n),
then the same of each of the r1 parts (Cooley & Tukey, doi:10.1090/S0025-5718-1965-0178586-1, decimation in
frequency). The results stand in another order: a table tells where, and the inverse transform is the same
with the table of the frequencies -k.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from nanompi.device.butterflies import ENTER, enter, inside, last, leave, load_tile, part, store_tile
from nanompi.device.compiled import compiler
from nanompi.device.lanes import BYTES
from nanompi.mpi.messages import reals

_compiled = compiler(nogil=True, error_model="numpy")


class Plan(NamedTuple):
    """How to transform a length.

    radices : of the stages; factors : after each stage but the last, stage after stage
    places  : of frequency k in the strip, in numbers; one after the end for each further column of a tile
    order   : frequencies as they stand in the strip
    """

    radices: np.ndarray
    factors: np.ndarray
    places: np.ndarray
    order: np.ndarray


@cache
def radices(n: int) -> tuple[int, ...]:
    """Stages for a length, the last of them a power of 2; none where n is odd, below 16, or has a prime
    factor above 7"""
    odd, twos = n, 0
    while odd % 2 == 0 and odd:
        odd, twos = odd // 2, twos + 1
    out = []
    for r in (3, 5, 7):
        while odd % r == 0:
            out, odd = [*out, r], odd // r
    if odd != 1 or n < 16 or not twos:
        return ()
    powers = [1 << twos] if twos < 4 else [4] * (-twos % 3) + [8] * ((twos - 2 * (-twos % 3)) // 3)
    return (*powers[:-1], *out, powers[-1])


@cache
def plan(n: int, inverse: bool, real: str) -> Plan:
    """The plan of a length; real : dtype of the parts"""
    stages, wide = radices(n), 2 * BYTES // np.dtype(real).itemsize
    factors, order, size, stride = [], np.zeros(1, np.int64), n, 1
    for r in stages:
        turn = np.outer(np.arange(size // r), np.arange(1, r)) * (-2j * np.pi / size)
        factors.append(np.exp(turn).ravel().view(float))
        order = (order[:, None] + stride * np.arange(r)).ravel()
        size, stride = size // r, stride * r
    order = -order % n if inverse else order
    places = np.zeros(n + -n % (wide // 4), np.int64)
    places[order] = wide * np.arange(n)
    return Plan(np.array(stages), np.concatenate(factors[:-1]).astype(real), places, order)


def transform(z: np.ndarray, inverse: bool):
    """z <- sum_r z exp(-+ 2 pi i k r) over the last two axes, which `radices` knows; C-contiguous"""
    h, w = z.shape[-2:]
    real = z.real.dtype.str
    _frames(reals(z), h, w, plan(w, inverse, real), plan(h, inverse, real), BYTES // z.itemsize)


@_compiled
def _frames(a, h, w, row, column, half):
    V, stride, numbers = 2 * half, 2 * w, 2 * h * w
    size = 2 * V * (max(h, w) + V)
    strip, edge = aligned_zeros(size, a), aligned_zeros(size, a)
    wide = 2 * (w + V)  # of a row in `edge`
    for o in range(0, len(a), numbers):
        for y in range(0, h, V):
            k = min(V, h - y)
            if k == V and w % half == 0:
                rows(a, o + y * stride, stride, strip, row, w, V)
                continue
            _copy(a, o + y * stride, stride, edge, 0, wide, k, 2 * w)
            rows(edge, 0, wide, strip, row, w, V)
            _copy(edge, 0, wide, a, o + y * stride, stride, k, 2 * w)
        for x in range(0, w, V):
            k = min(V, w - x)
            if k == V:
                columns(a, o + 2 * x, stride, strip, column, h, V)
                continue
            _copy(a, o + 2 * x, stride, edge, 0, 2 * V, h, 2 * k)
            columns(edge, 0, 2 * V, strip, column, h, V)
            _copy(edge, 0, 2 * V, a, o + 2 * x, stride, h, 2 * k)


@_compiled
def aligned_zeros(size, like):
    """Zeros that begin where a line of the cache begins"""
    out = np.zeros(size + 64 // like.itemsize, like.dtype)
    o = -out.ctypes.data % 64 // like.itemsize
    return out[o : o + size]


@_compiled
def _copy(a, o, stride, out, p, step, rows, numbers):
    for y in range(rows):
        for x in range(numbers):
            out[p + y * step + x] = a[o + y * stride + x]


@_compiled
def rows(a, o, stride, strip, plan, n, V):
    radices, factors, places, _ = plan
    for x in range(0, n, V // 2):
        load_tile(a, o + 2 * x, stride, strip, 2 * V * x)
    stages(strip, radices, factors, 0, n)
    last(radices[-1], strip, n)
    for x in range(0, n, V // 2):
        store_tile(strip, places, x, a, o + 2 * x, stride)


@_compiled
def columns(a, o, stride, strip, plan, n, V):
    radices, factors, _, order = plan
    entered = radices[0] in ENTER
    if entered:
        enter(radices[0], a, o, stride, n, strip, factors)
    else:
        for i in range(n):
            part(a, o + i * stride, strip, 2 * V * i)
    stages(strip, radices, factors, entered, n)
    leave(radices[-1], strip, n, a, o, stride, order)


@_compiled
def stages(strip, radices, factors, begun, n):
    """All but the last, and but those that are done"""
    size, t = n, 0
    for k, r in enumerate(radices[:-1]):
        if k >= begun:
            inside(r, strip, n, size, factors, t)
        size, t = size // r, t + 2 * (size // r) * (r - 1)
