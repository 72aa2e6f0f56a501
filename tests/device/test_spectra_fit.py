"""Fits of spectra on a set of columns: the numba text against the contract, against SciPy and against EM."""

import tracemalloc

import numpy as np
import pytest
from scipy.optimize import nnls

from nanompi.device.kernels import load
from nanompi.device.kernels.spectra_fit import UNEXPLAINED
from tests.methods.maps.xrf.columns import columns_of, detectors

CONTRACT, NUMBA = load(""), load("_cpu")
LINES = 12
TRUTH = [0.0, 0, 5, 200, 3, 5, 5, 0, 0, 20, 5, 60, 60]  # with the background


def scene(k=40, d=2, seed=1):
    """(counts, columns, detector, scale, truth): weak, strong and empty spectra; of number 3 one detector is
    off, of 4 both, and 6 has a NaN"""
    rng = np.random.default_rng(seed)
    A, detector = columns_of(LINES, 220, d), detectors(220, d)
    x = np.tile(TRUTH, (k, 1))
    x[k // 2 :] *= 30
    x[5] = 0
    scale = rng.uniform(0.5, 1.2, (k, d))
    scale[3, -1], scale[4] = 0, 0
    y = rng.poisson(x @ A.T * scale[:, detector]).astype(np.float32)
    y[6, 10] = np.nan
    return y, A, detector, scale, x


def least_squares(K, y, A, detector, scale, signed=False, weights=None, by_counts=True, lanes=1):
    """(x, errors, misfit)"""
    d, m, w = scale.shape[1], A.shape[1], np.ones(len(A)) if weights is None else weights
    P = A * w[:, None]
    own = [detector == i for i in range(d)]
    gram = np.stack([A[i].T @ P[i] for i in own])
    third = np.stack([np.einsum("cl,ci,cj->ijl", A[i], P[i], P[i]) for i in own]).transpose(0, 3, 1, 2)
    third = np.ascontiguousarray(third) if by_counts else np.empty((0, m, m, m))
    out = np.full((len(y), m), -1.0), np.full((len(y), m), -1.0), np.full(len(y), -1.0)
    for lane in range(lanes):
        K.least_squares(y, P, w, detector, scale, gram, third, signed, *out, lane, lanes)
    return out


def poisson_fit(K, y, A, detector, scale, real=np.float64, tolerance=1e-5, lanes=1):
    """(x, errors, misfit), begun with NNLS"""
    x = np.nan_to_num(least_squares(NUMBA, np.nan_to_num(y), A, detector, scale)[0])
    out = x, np.full_like(x, -1), np.full(len(y), -1.0)
    for lane in range(lanes):
        K.poisson_fit(y, A.astype(real), detector, scale, 30, tolerance, *out, lane, lanes)
    return out


def same(got, want, tolerance):
    """Figures of spectra, in parts of their errors"""
    for a, b in zip(got, want):
        assert np.array_equal(np.isnan(a), np.isnan(b)) and np.isnan(b[4]).all() and np.isnan(b[6]).all()
        unit = want[1] if a.ndim == 2 else abs(want[2])
        fine = ~np.isnan(b) & (unit > 0)
        assert (abs(a - b)[fine] <= tolerance * unit[fine]).all()


@pytest.mark.parametrize("by_counts", [True, False])
@pytest.mark.parametrize("signed", [True, False])
def test_least_squares_equals_the_contract(signed, by_counts):
    y, A, detector, scale, _ = scene()
    weights = 1 / (np.nan_to_num(y).mean(0) + 0.1)
    own = {"signed": signed, "weights": weights, "by_counts": by_counts}
    want, got = (least_squares(K, y, A, detector, scale, **own) for K in (CONTRACT, NUMBA))
    same(got, want, 1e-9)
    assert (want[0] < 0).any() == signed


@pytest.mark.parametrize("real, tolerance", [(np.float64, 1e-9), (np.float32, 3e-4)])
def test_poisson_equals_the_contract(real, tolerance):
    y, A, detector, scale, _ = scene()
    want, got = (poisson_fit(K, y, A, detector, scale, r) for K, r in ((CONTRACT, np.float64), (NUMBA, real)))
    same(got, want, tolerance)


def test_not_negative_least_squares_are_those_of_scipy():
    y, A, detector, scale, _ = scene(24, seed=3)
    got = least_squares(NUMBA, y, A, detector, scale)[0]
    for s in set(range(24)) - {4, 6}:
        want = nnls(A * scale[s, detector][:, None], y[s].astype(float))[0]
        assert abs(got[s] - want).max() <= 1e-6 * max(want.max(), 1)


def test_poisson_is_as_good_as_three_thousand_steps_of_em():
    """Objective of the same model; EM comes from above"""
    y, A, detector, scale, _ = scene(24, seed=4)
    got = poisson_fit(NUMBA, y, A, detector, scale, np.float32)[0]
    for s in {0, 1, 3, 7, 8, 20, 22}:
        a = A * scale[s, detector][:, None]
        x = np.full(a.shape[1], y[s].sum() / a.shape[1])
        for _ in range(3000):
            x *= a.T @ (y[s] / (a @ x + UNEXPLAINED)) / a.sum(0)
        best, own = (
            float((mu - y[s] * np.log(mu)).sum()) for mu in (a @ v + UNEXPLAINED for v in (x, got[s]))
        )
        assert own <= best + 1e-4


@pytest.mark.parametrize("counts", [10, 30, 300])
def test_errors_cover_the_truth(counts):
    """95 % within 1.96 standard deviations: of a line of 10 counts or more on a background"""
    rng = np.random.default_rng(counts)
    A, detector = columns_of(LINES, 220, 1), detectors(220, 1)
    x = np.array(TRUTH, float)
    x[3] = counts
    y = rng.poisson(np.tile(A @ x, (1500, 1))).astype(np.uint16)
    one = np.ones((1500, 1))
    for fit in (poisson_fit, least_squares):
        got, errors, _ = fit(NUMBA, y, A, detector, one)
        covered = (abs(got - x)[:, 3] <= 1.96 * errors[:, 3]).mean()
        assert 0.92 <= covered <= 0.97, fit.__name__


def test_an_amplitude_of_nothing_has_an_error():
    """Without any count ln L = -x: it has fallen by 1/2 at half a count"""
    y, A, detector, scale, _ = scene(8)
    got, errors, misfit = poisson_fit(NUMBA, y, A, detector, np.ones_like(scale))
    assert (got[5] == 0).all() and errors[5] == pytest.approx(0.5, rel=1e-3) and misfit[5] < 0.02


def test_lanes_and_neighbours_do_not_matter():
    y, A, detector, scale, _ = scene(12)
    for fit in (least_squares, poisson_fit):
        whole, parts = fit(NUMBA, y, A, detector, scale), fit(NUMBA, y, A, detector, scale, lanes=5)
        alone = [fit(NUMBA, y[s : s + 1], A, detector, scale[s : s + 1]) for s in range(12)]
        for i, one in enumerate(whole):
            assert np.array_equal(one, parts[i], equal_nan=True)
            assert all(np.array_equal(one[s], alone[s][i][0], equal_nan=True) for s in range(12))


def test_a_large_map_is_not_converted_at_once():
    """12 MB of counts in single precision are 24 MB in double: some 2 MB at a time are converted"""
    y, A, detector, scale, _ = scene(12)
    many = np.tile(y, (-(-12_000_000 // y.nbytes), 1))
    ones = np.ones((len(many), scale.shape[1]))
    few = least_squares(NUMBA, y, A, detector, ones[:12])  # compiled
    tracemalloc.start()
    every = least_squares(NUMBA, many, A, detector, ones)
    peak = tracemalloc.get_traced_memory()[1] - sum(one.nbytes for one in every)
    tracemalloc.stop()
    assert peak < 12e6
    assert all(np.array_equal(a[-12:], b, equal_nan=True) for a, b in zip(every, few))
