"""Waves at many shifts in fewer transforms: as in one transform for each, on any number of threads."""

import numpy as np
import pytest

from nanompi.device import Cpu
from nanompi.device.device import Device
from nanompi.device.shifted_cpu import fits, runs

LIMITS = {"single": 2e-6, "double": 4e-15}  # some times the rounding of one number, of the largest


def scene(device, shape, shifts=23):
    """(P, num, y, x): waves, sums over frames, and the ramps of shifts of which some have x in common"""
    rng, (M, h, w) = np.random.default_rng(0), shape
    wave = lambda *n: (rng.standard_normal(n) + 1j * rng.standard_normal(n)).astype(device.complex)  # noqa: E731
    few = wave(5, w)
    return wave(M, h, w), wave(shifts, M, h, w), wave(shifts, h), few[np.sort(rng.integers(0, 5, shifts))]


@pytest.mark.parametrize("shape", [(1, 32, 48), (3, 16, 64), (2, 12, 20)])
@pytest.mark.parametrize("precision", LIMITS)
def test_as_in_one_transform_for_each(precision, shape):
    d = Cpu(precision)
    P, num, y, x = scene(d, shape)
    for work, given in ("shifted", P), ("shifted_back", num):
        want = getattr(Device, work)(d, given.copy(), y, x)
        own = getattr(d, work)(given.copy(), y, x)
        assert own.dtype == d.complex and abs(own - want).max() < LIMITS[precision] * abs(want).max(), work


def test_adjoint_and_the_same_bits_on_any_number_of_threads():
    d, many = Cpu("double"), Cpu("double", threads=3)
    P, num, y, x = scene(d, (2, 32, 32))
    out, back = d.shifted(P, y, x), d.shifted_back(num.copy(), y, x)
    assert np.vdot(num, out) == pytest.approx(np.vdot(back, P), rel=1e-12)
    assert np.array_equal(many.shifted(P, y, x), out)
    assert np.array_equal(many.shifted_back(num.copy(), y, x), back)
    many.close()


def test_equal_ramps_that_follow_each_other_are_together():
    assert runs(np.array([[1, 2], [1, 2], [1, 3], [1, 2]])).tolist() == [0, 2, 3, 4]
    assert fits((16, 48)) and not fits((16, 40)) and not fits((16, 22))
