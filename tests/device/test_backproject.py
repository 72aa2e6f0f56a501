"""The back-projection: the numba text against the NumPy contract, and against sums done by hand."""

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.device.kernels import load
from tests.device.same import same

CONTRACT, NUMBA = load(""), load("_cpu")
TEXTS = pytest.mark.parametrize("K", [CONTRACT, NUMBA], ids=["contract", "numba"])
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-13}  # of the largest value: single places of rays


def turn(angles, weight=1.0):
    """(A, 3) cos, sin, weight"""
    return np.stack([np.cos(angles), np.sin(angles), np.full(len(angles), weight)], 1)


def rays(real, angles=7, T=64, k=16):
    return np.random.default_rng(T).standard_normal((angles, T, k)).astype(real)


def image(K, q, angles, n, reach=None, lanes=1, centre=31.3):
    """(k, n, n); reach : of each slice"""
    reach = np.full(q.shape[2], float(n)) if reach is None else np.asarray(reach, float)
    out = np.full((len(reach), n, n), np.nan, q.dtype)
    for lane in range(lanes):
        K.backproject(q, turn(angles, np.pi / len(angles)), centre, reach, out, lane, lanes)
    return out


ALL = np.array([0.0, np.pi / 2, np.pi / 4, 2.0, np.pi, -1.0, 4.4])


@pytest.mark.parametrize("real", TOLERANCE)
@pytest.mark.parametrize("n, reach", [(41, None), (33, [30.0] * 16), (20, [3.0, 20.0, 8.2]), (32, [9.5])])
def test_numba_equals_contract(real, n, reach):
    """Odd and even, one tile and more, fewer slices than stand side by side, circles of their own"""
    q = rays(real)
    want, got = (image(K, q, ALL, n, reach) for K in (CONTRACT, NUMBA))
    assert got.dtype == real
    same([want], [got], TOLERANCE[real])


@TEXTS
def test_rows_in_parts_give_the_same_bits(K):
    q = rays(np.float32, T=160)
    one, three = (image(K, q, ALL, 100, lanes=lanes, centre=80.0) for lanes in (1, 3))
    assert np.array_equal(one, three)


@TEXTS
def test_a_slice_does_not_depend_on_the_others(K):
    q = rays(np.float32)
    together = image(K, q, ALL, 40)
    other = np.random.default_rng(9).random(q.shape).astype(q.dtype)
    other[..., 5] = q[..., 5]
    assert np.array_equal(image(K, other, ALL, 40)[5], together[5])
    small = image(K, q, ALL, 40, [15.3] * 16)[5]
    assert small.any() and np.array_equal(small, np.where(small == 0, 0, together[5]))


@TEXTS
def test_one_ray_is_smeared_along_itself(K):
    """At angle 0 column t lies at x = t - centre on every row; at 90 degrees at y = t - centre in every
    column; an axis a quarter of a column to the right takes a quarter of the next one"""
    q = np.zeros((1, 32, 16))
    q[0, 18, 2] = 1
    flat = image(K, q, np.zeros(1), 9, centre=16.0) / np.pi
    assert np.array_equal(flat[2], np.tile(np.arange(9) == 6, (9, 1))) and not flat[3].any()
    up = image(K, q, np.full(1, np.pi / 2), 9, centre=16.0) / np.pi
    assert np.allclose(up[2], flat[2].T, atol=1e-14)
    quarter = image(K, q, np.zeros(1), 9, centre=16.25) / np.pi
    assert np.allclose(quarter[2, 0, 5:7], [0.25, 0.75])


@TEXTS
def test_pixels_beyond_the_reach_are_0(K):
    """Within it the sum of the weights times 1"""
    out = image(K, np.ones((4, 64, 16)), np.arange(4) * 0.7, 11, [4.0, 2.5], centre=32.0)
    y, x = np.indices((11, 11)) - 5
    for one, reach in zip(out, (4.0, 2.5)):
        assert np.allclose(one, np.where(x**2 + y**2 <= reach**2, np.pi, 0))


@TEXTS
def test_no_slice_is_no_error(K):
    assert image(K, rays(np.float64), ALL, 8, []).shape == (0, 8, 8)


def test_threads_give_the_same_bits():
    """Threads share the bands of slices, so that a block keeps all of them busy"""
    q, sums = rays(np.float32, T=160), []
    for threads in (1, 3):
        device, out = Cpu(threads=threads), np.empty((16, 100, 100), np.float32)
        reach = np.full(16, 45.0)
        device.by_rows(device.kernels.backproject, q, turn(ALL), 80.0, reach, out)
        sums.append(out)
    assert np.array_equal(*sums)
