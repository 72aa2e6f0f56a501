"""Peaks with their errors: each text against the contract, and all against what was put in."""

import numpy as np
import pytest

from nanompi.device.kernels import load
from nanompi.device.kernels.peaks import GAUSS, LORENTZ, PARAMETERS, PSEUDO_VOIGT
from nanompi.optics.peak import profile

CONTRACT, NUMBA = load(""), load("_cpu")


def peaks(n, seed=0, areas=(5, 40), m=40):
    """x, counts and the parameters behind them: pseudo-Voigt peaks on a sloping line"""
    rng = np.random.default_rng(seed)
    x = np.linspace(10, 10.4, m)
    p = [rng.uniform(*areas, n), 10.2 + rng.normal(0, 0.01, n), rng.uniform(0.03, 0.06, n)]
    p += [rng.uniform(0.2, 0.8, n), rng.uniform(50, 150, n), rng.normal(0, 20, n)]
    p = np.stack(p, 1)
    return x, rng.poisson(profile(x, p)[0]).astype(float), p


def fitted(K, x, y, shape=PSEUDO_VOIGT, counting=1.0):
    """(p, errors, chi2)"""
    n = len(y)
    out = np.full((n, PARAMETERS), -7.0), np.full((n, PARAMETERS), -7.0), np.full(n, -7.0)
    K.fit_peaks(x, y, 1 / np.maximum(y, 1), np.full(y.shape, counting), shape, *out)
    return out


def some_rows():
    """Peaks of all sizes, noise alone, a peak at the end, one without any value measured"""
    x, y, _ = peaks(30)
    faint = np.random.default_rng(5).poisson(3.0, (10, len(x))).astype(float)
    return x, np.concatenate([y, faint, np.exp(-(((x - 10) / 0.05) ** 2))[None] * 500 + 20])


@pytest.mark.parametrize("shape", [PSEUDO_VOIGT, GAUSS, LORENTZ])
def test_numba_equals_contract(shape):
    """Rounding alone: 1e-6 of the errors"""
    x, y = some_rows()
    want, got = (fitted(K, x, y, shape) for K in (CONTRACT, NUMBA))
    assert np.array_equal(np.isnan(want[2]), np.isnan(got[2])) and np.isnan(want[2]).sum() < 8
    scale = np.where(want[1] > 0, want[1], 1)
    for a, b in zip(want[:2], got[:2]):
        assert np.nanmax(abs(a - b) / scale) < 1e-5
    assert got[2] == pytest.approx(want[2], rel=1e-6, nan_ok=True)


def test_pulls_are_of_width_one():
    """2000 peaks of 5 to 40 counts by channel width: errors are what the values scatter by, to 5 %"""
    x, y, true = peaks(2000)
    p, errors, chi2 = fitted(NUMBA, x, y)
    pulls = ((p - true) / errors)[np.isfinite(chi2)]
    assert len(pulls) > 1980
    assert pulls[:, 1].std() == pytest.approx(1, abs=0.05) and abs(pulls[:, 1].mean()) < 0.07
    assert (abs(pulls[:, 1]) < 1.96).mean() == pytest.approx(0.95, abs=0.015)
    assert np.nanmean(chi2) == pytest.approx(1, abs=0.03)
    assert np.nanmean(p[:, 0] / true[:, 0]) == pytest.approx(1, abs=0.01)
