"""Fourier transforms along one axis of a CPU's arrays whose last axis holds slices side by side, in place.

As those of fft_cpu.py, whose stages they share, but the waves of a strip are the slices: nothing is turned,
and what a slice gets does not depend on the others.
"""

import numpy as np

from nanompi.device.butterflies import enter, leave
from nanompi.device.compiled import compiler
from nanompi.device.fft_cpu import aligned_zeros, plan, radices, stages
from nanompi.device.lanes import BYTES, flat

_compiled = compiler(nogil=True, error_model="numpy")


def length(least: int) -> int:
    """The next length that is transformed fast: a multiple of 16 without prime factors above 7."""
    n = -(-least // 16) * 16
    while not radices(n):
        n += 16
    return n


def fits(z: np.ndarray, axis: int) -> bool:
    """Are these transforms for such an array? Its slices must fill the vectors."""
    lengths = z.shape[axis] % 16 == 0 and bool(radices(z.shape[axis]))
    return lengths and z.shape[-1] % (BYTES // z.real.itemsize) == 0


def along(z: np.ndarray, axis: int, inverse: bool, lane: int, lanes: int):
    """z <- sum_r z exp(-+ 2 pi i k r), unscaled, over axis 0 or 1, of every `lanes`-th row of the other one.

    z : (h, w, k) complex, the last axis in one piece, as `fits` says
    """
    if axis == 0:
        z = z.swapaxes(0, 1)
    real = z.real.dtype
    count, n, numbers = z.shape[0], z.shape[1], 2 * z.shape[2]
    apart, stride = (step // real.itemsize for step in z.strides[:2])
    _rows(flat(z.swapaxes(0, 1) if axis == 0 else z), plan(n, inverse, real.str), count, apart, n, stride,
          numbers, 2 * BYTES // real.itemsize, lane, lanes)  # fmt: skip


@_compiled
def _rows(a, plan, count, apart, n, stride, numbers, wide, lane, lanes):
    radices, factors, _, order = plan
    strip = aligned_zeros(n * wide, a)
    for row in range(lane, count, lanes):
        for v in range(0, numbers, wide):
            o = row * apart + v
            enter(radices[0], a, o, stride, n, strip, factors)
            stages(strip, radices, factors, 1, n)
            leave(radices[-1], strip, n, a, o, stride, order)
