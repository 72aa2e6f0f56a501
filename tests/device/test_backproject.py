"""The back-projection: the numba text against the NumPy contract, and against sums done by hand."""

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.device.kernels import load

CONTRACT, NUMBA = load(""), load("_cpu")
TEXTS = pytest.mark.parametrize("K", [CONTRACT, NUMBA], ids=["contract", "numba"])
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-13}  # of the largest value: rounding of A additions


def turn(angles, weight=1.0):
    """(A, 3) cos, sin, weight"""
    return np.stack([np.cos(angles), np.sin(angles), np.full(len(angles), weight)], 1)


def image(K, q, angles, centre, radius, lanes=1, shape=None):
    """What the kernel adds to a slice of zeros"""
    out = np.zeros((len(q), *(shape or (q.shape[2],) * 2)), q.dtype)
    for lane in range(lanes):
        K.backproject(q, turn(angles, np.pi / len(angles)), centre, radius, out, lane, lanes)
    return out


@pytest.mark.parametrize("real", TOLERANCE)
@pytest.mark.parametrize("n, shape", [(21, None), (20, None), (2, (5, 4)), (33, (17, 40))])
@pytest.mark.parametrize("centre, radius", [("middle", "all"), (3.3, 6.0), ("middle", 100.0), (-4.0, 9.5)])
def test_numba_equals_contract(real, n, shape, centre, radius):
    """Odd and even columns, an axis off the middle and off the detector, pixels beyond the columns"""
    q = np.random.default_rng(n).random((3, 7, n)).astype(real)
    at = (n - 1) / 2 if centre == "middle" else centre
    r = (n - 1) / 2 if radius == "all" else radius
    want, got = (image(K, q, np.arange(7) * np.pi / 7, at, r, shape=shape) for K in (CONTRACT, NUMBA))
    assert got.dtype == want.dtype == real
    assert np.abs(want).max() > 0 and np.abs(got - want).max() <= TOLERANCE[real] * np.abs(want).max()


@TEXTS
def test_rows_in_parts_give_the_same_bits(K):
    q = np.random.default_rng(1).random((2, 9, 22)).astype(np.float32)
    one, three = (image(K, q, np.arange(9) * 0.3, 10.0, 9.5, lanes) for lanes in (1, 3))
    assert np.array_equal(one, three)


@TEXTS
def test_a_slice_does_not_depend_on_the_others(K):
    """What makes the slices the same on any number of ranks: blocks of any length give the same bits"""
    q = np.random.default_rng(2).random((5, 11, 31)).astype(np.float32)
    together = image(K, q, np.arange(11) * 0.28, 14.2, 14.0)
    assert all(
        np.array_equal(image(K, q[k : k + 1], np.arange(11) * 0.28, 14.2, 14.0)[0], together[k])
        for k in range(5)
    )


@TEXTS
def test_one_ray_is_smeared_along_itself(K):
    """At angle 0 column t lies at x = t - centre on every row; at 90 degrees at y = t - centre in every
    column; an axis a quarter of a column to the right takes a quarter of the next one"""
    q = np.zeros((1, 1, 9))
    q[0, 0, 6] = 1
    flat = image(K, q, np.zeros(1), 4.0, 100) / np.pi
    assert np.array_equal(flat[0], np.tile(np.arange(9) == 6, (9, 1)))
    up = image(K, q, np.full(1, np.pi / 2), 4.0, 100) / np.pi
    assert np.allclose(up[0], flat[0].T, atol=1e-14)
    quarter = image(K, q, np.zeros(1), 4.25, 100) / np.pi
    assert np.allclose(quarter[0, 0, 5:7], [0.25, 0.75])


@TEXTS
def test_pixels_beyond_the_radius_stay(K):
    """Within the radius the sum of the weights times 1, outside what was there"""
    q, out = np.ones((1, 4, 11)), np.full((1, 11, 11), 5.0)
    K.backproject(q, turn(np.arange(4) * 0.7, 0.25), 5.0, 4.0, out, 0, 1)
    y, x = np.indices((11, 11)) - 5
    assert np.allclose(out[0], np.where(x**2 + y**2 <= 16, 6.0, 5.0))


@TEXTS
def test_it_adds_up_and_no_slice_is_no_error(K):
    q = np.random.default_rng(3).random((1, 3, 8))
    out = np.zeros((1, 8, 8))
    for a in range(3):
        K.backproject(q[:, a : a + 1], turn(np.array([a * 1.0])), 3.5, 3.5, out, 0, 1)
    assert np.allclose(out, image(K, q, np.arange(3) * 1.0, 3.5, 3.5) * 3 / np.pi)
    assert image(K, q[:0], np.arange(3) * 1.0, 3.5, 3.5).shape == (0, 8, 8)


def test_threads_give_the_same_bits():
    """Threads share the rows of a slice, so that one slice alone keeps all of them busy"""
    q = np.random.default_rng(4).random((1, 5, 40)).astype(np.float32)
    sums = []
    for threads in (1, 3):
        device, out = Cpu(threads=threads), np.zeros((1, 40, 40), np.float32)
        device.by_rows(device.kernels.backproject, q, turn(np.arange(5) * 0.6), 19.5, 19.5, out)
        sums.append(out)
    assert np.array_equal(*sums)
