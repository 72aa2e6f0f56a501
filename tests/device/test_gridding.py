"""Gridding: the numba text against the NumPy contract, both against sums done by hand, and as a pair."""

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.device.kernels import load
from tests.device.same import same

CONTRACT, NUMBA = load(""), load("_cpu")
TEXTS = pytest.mark.parametrize("K", [CONTRACT, NUMBA], ids=["contract", "numba"])
TOLERANCE = {
    np.complex64: 1e-6,
    np.complex128: 1e-13,
}  # of the largest value: rounding of some dozen additions


class Scene:
    """k slices, A rays of R samples; directions all around, along the axes and as good as along them"""

    def __init__(self, dtype, k=3, A=12, R=150, step=0.7, W=4, odd=0):
        self.rng, self.dtype, self.step = np.random.default_rng([k, A, R]), dtype, step
        angles = self.rng.uniform(-4, 8, A)
        angles[:6] = 0, np.pi / 2, np.pi, -np.pi / 2, -1e-17, np.pi / 4
        self.turn = np.stack([np.cos(angles), np.sin(angles)], 1)
        self.window = self.rng.random((6, W))
        self.samples = self.random(A, R, k)
        self.grid = self.random(int((R - 1) * step) + W + 1, int(2 * (R - 1) * step) + W + 3 + odd, k)

    def random(self, *shape):
        both = self.rng.standard_normal((2, *shape))
        return (both[0] + 1j * both[1]).astype(self.dtype)

    def spread(self, K, lanes=1):
        grid = np.zeros_like(self.grid)
        for lane in range(lanes):
            K.spread(self.samples, self.turn, self.step, self.window, grid, lane, lanes)
        return grid

    def collect(self, K, lanes=1):
        samples = np.full_like(self.samples, np.nan)
        for lane in range(lanes):
            K.collect(self.grid, self.turn, self.step, self.window, samples, lane, lanes)
        return samples


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("k, W, odd", [(1, 4, 0), (3, 6, 1), (16, 4, 1), (33, 2, 0)])
def test_numba_equals_contract(dtype, k, W, odd):
    s = Scene(dtype, k, W=W, odd=odd)
    same([s.spread(CONTRACT), s.collect(CONTRACT)], [s.spread(NUMBA), s.collect(NUMBA)], TOLERANCE[dtype])


@TEXTS
@pytest.mark.parametrize("dtype, limit", [(np.complex64, 1e-6), (np.complex128, 1e-12)])
def test_each_is_the_adjoint_of_the_other(K, dtype, limit):
    """Re <spread s, T> = Re <s, collect T>, of the product of their norms"""
    s = Scene(dtype)
    spread, collected = s.spread(K), s.collect(K)
    one, two = np.vdot(spread, s.grid).real, np.vdot(s.samples, collected).real
    assert abs(one - two) <= limit * np.linalg.norm(spread) * np.linalg.norm(s.grid)


@TEXTS
def test_a_sample_reaches_the_points_around_it(K):
    """At 1.25 points along the axis: columns of the window, all its rows; the opposite one is conjugated"""
    window = np.array([[1.0, 2, 3, 4], [10, 20, 30, 40]])
    samples = np.zeros((2, 2, 1), complex)
    samples[:, 1] = 1 + 2j
    grid = np.zeros((6, 12, 1), complex)
    K.spread(samples, np.array([[1.0, 0], [-1, -1e-300]]), 1.25, window, grid, 0, 1)
    weights = np.outer(window[0], window[0] + 0.25 * window[1])
    right = np.zeros((6, 12), complex)
    right[:4, 6:10] = weights * (1 + 2j)  # points 0 to 3 of columns 6 - 1 + 1 and on
    right[:4, 6:10] += weights * (1 - 2j)  # the opposite of a direction that points below is the same
    assert np.allclose(grid[..., 0], right)


@TEXTS
def test_rows_in_parts_give_the_same_bits(K):
    s = Scene(np.complex64)
    for work in (s.spread, s.collect):
        assert np.array_equal(work(K), work(K, 3))


@TEXTS
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_slice_does_not_depend_on_the_others(K, dtype):
    s = Scene(dtype, 17)
    spread, collected = s.spread(K), s.collect(K)
    for k in (1, 2, 5, 8, 16):
        part = Scene(dtype)
        part.samples, part.grid = (np.ascontiguousarray(a[..., :k]) for a in (s.samples, s.grid))
        part.turn, part.window = s.turn, s.window
        assert np.array_equal(part.spread(K), spread[..., :k])
        assert np.array_equal(part.collect(K), collected[..., :k])


def test_threads_give_the_same_bits():
    s, grids = Scene(np.complex64, 5), []
    for threads in (1, 3):
        device, grid = Cpu(threads=threads), np.zeros_like(s.grid)
        device.by_rows(device.kernels.spread, s.samples, s.turn, s.step, s.window, grid)
        grids.append(grid)
    assert np.array_equal(*grids)
