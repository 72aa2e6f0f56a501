"""Fits on known columns, as steps ask for them."""

import numpy as np
import pytest

from nanompi.device import Cpu
from nanompi.methods.maps.linear_fit import LinearFit
from tests.methods.maps.xrf.columns import columns_of, detectors


def test_signed_fits_of_values_that_are_no_counts():
    """Reference curves, one detector: the solution and the errors of ordinary least squares"""
    rng = np.random.default_rng(2)
    A, x = rng.normal(size=(60, 4)), rng.normal(size=(200, 4))
    y = x @ A.T + 0.1 * rng.normal(size=(200, 60))
    got, errors, misfit = LinearFit(A, counted=False).fit(Cpu(), y, method="lsq")
    want, squares, *_ = np.linalg.lstsq(A, y.T, rcond=None)
    assert got == pytest.approx(want.T, abs=1e-10) and misfit == pytest.approx(squares, rel=1e-9)
    variance = squares[:, None] / 56 * np.diag(np.linalg.inv(A.T @ A))
    assert errors == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert (abs(got - x) < 1.96 * errors).mean() == pytest.approx(0.95, abs=0.03)


def test_methods_agree_where_there_are_many_counts():
    A, detector = columns_of(6, 120, 2), detectors(120, 2)
    x = np.random.default_rng(1).uniform(1e4, 1e5, (5, 7))
    scale = np.array([[1.0, 0.5]]).repeat(5, 0)
    y = np.random.default_rng(2).poisson(x @ A.T * scale[:, detector])
    fit = LinearFit(A, detector)
    ways = {method: fit.fit(Cpu("double"), y, scale, method) for method in ("poisson", "nnls", "lsq")}
    for got, errors, misfit in ways.values():
        assert (abs(got - x) < 5 * errors).all() and misfit.shape == (5,)
    assert fit.fit(Cpu("double"), y, scale, "nnls", errors=False)[1].shape == (0, 7)
    assert 150 < np.mean(ways["poisson"][2]) < 320
