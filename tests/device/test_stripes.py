"""Columns ranked, smoothed, put back, and their roughness: the numba text against the NumPy contract."""

import numpy as np
import pytest
from scipy import ndimage

from nanompi.device.kernels import load
from nanompi.device.kernels.stripes import SIDE_BY_SIDE

CONTRACT, NUMBA = load(""), load("_cpu")
TEXTS = pytest.mark.parametrize("K", [CONTRACT, NUMBA], ids=["contract", "numba"])
SIZES = [
    (1, 7, 5, 3),
    (3, SIDE_BY_SIDE + 5, 41, 21),
    (2, 2 * SIDE_BY_SIDE, 6, 15),
    (1, 1, 1, 1),
]  # k, A, K, size


def sinograms(real, k, A, K):
    """Values of which several in a column are equal, zeros of both signs among them"""
    values = np.random.default_rng(A).integers(-3, 4, (k, A, K)).astype(real) * real(0.3)
    values[:, ::2] *= -1
    return values


def ranked(K, p, lanes=1):
    """(ranked, order)"""
    k, A, columns = p.shape
    out, order = np.full((k, columns, A), np.nan, p.dtype), np.full((k, columns, A), -1, np.int32)
    for lane in range(lanes):
        K.rank_columns(p, out, order, lane, lanes)
    return out, order


def everything(K, p, size, lanes=1):
    """What all kernels make of sinograms"""
    values, order = ranked(K, p, lanes)
    smooth, back, rough = np.full_like(values, np.nan), np.full_like(p, np.nan), np.full(p.shape[::2], np.nan)
    for lane in range(lanes):
        K.smooth_ranks(values, size, smooth, lane, lanes)
    for lane in range(lanes):
        K.unrank_columns(smooth, order, back, lane, lanes)
        K.column_roughness(p, size + 1, rough, lane, lanes)
    return values, order, smooth, back, rough


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_numba_equals_contract(real, size):
    """To the bit, but for the order of the sums of the roughness"""
    p = sinograms(real, *size[:3])
    want, got = (everything(K, p, size[3]) for K in (CONTRACT, NUMBA))
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(want[:4], got[:4]))
    assert got[4] == pytest.approx(want[4], rel=1e-12, abs=1e-12)


@TEXTS
@pytest.mark.parametrize("size", SIZES[:3])
def test_what_the_kernels_do(K, size):
    """Against a sort by NumPy and filters of SciPy, on values that are all different"""
    p = np.random.default_rng(0).standard_normal(size[:3])
    values, order, smooth, back, rough = everything(K, p, size[3])
    assert np.array_equal(values, np.sort(p, axis=1).swapaxes(1, 2))
    assert np.array_equal(np.take_along_axis(p.swapaxes(1, 2), order, -1), values)
    assert np.array_equal(smooth, ndimage.median_filter(values, (1, size[3], 1)))
    assert np.array_equal(np.take_along_axis(back.swapaxes(1, 2), order, -1), smooth)
    mean = ndimage.uniform_filter1d(p, size[3] + 1, axis=1)
    assert rough == pytest.approx(abs(p - mean).sum(1), rel=1e-9)


@TEXTS
def test_lanes_and_neighbours_do_not_matter(K):
    """The same bits on any number of threads, and in blocks of any length"""
    p = sinograms(np.float32, 3, 70, 23)
    whole, parts = everything(K, p, 7), everything(K, p, 7, lanes=3)
    alone = [everything(K, p[j : j + 1], 7) for j in range(3)]
    for i, one in enumerate(whole):
        assert np.array_equal(one, parts[i])
        assert all(np.array_equal(one[j], alone[j][i][0]) for j in range(3))
