"""Least squares of few parameters in a range, and sums of columns that are not negative, beside SciPy's."""

import numpy as np
import pytest
from scipy import optimize

from nanompi.methods.maps.linear_fit import nnls
from nanompi.methods.maps.xrf.damped import least_squares

X = np.linspace(0, 1, 60)


def peak(u):
    """A peak whose place and width are between 0 and 1"""
    return np.exp(-(((X - u[0]) / (0.05 + 0.2 * u[1])) ** 2))


def test_the_place_of_the_least_is_that_of_scipy():
    counts = peak([0.43, 0.3]) + np.random.default_rng(0).normal(0, 0.03, len(X))
    found = least_squares(lambda u: peak(u) - counts, np.array([0.5, 0.5]))
    want = optimize.least_squares(lambda u: peak(u) - counts, [0.5, 0.5], bounds=(0, 1)).x
    assert found == pytest.approx(want, abs=1e-3)  # errors of the parameters: 0.002 and 0.01


def test_a_parameter_that_wants_to_leave_its_range_ends_there_and_the_other_is_right():
    counts = peak([0.4, -0.1])
    found = least_squares(lambda u: peak(u) - counts, np.array([0.5, 0.6]))
    assert found[1] == 0 and found[0] == pytest.approx(0.4, abs=1e-3)


def test_where_nothing_depends_on_a_parameter_it_stays():
    found = least_squares(lambda u: np.array([u[0] - 0.2, 1.0]), np.array([0.9, 0.7]))
    assert found == pytest.approx([0.2, 0.7], abs=1e-6)


def test_columns_that_are_not_negative():
    rng = np.random.default_rng(1)
    for columns in (rng.random((80, 12)), np.stack([peak([c, 0.5]) for c in X[::6]], 1)):
        for _ in range(20):
            values = columns @ np.maximum(rng.normal(size=columns.shape[1]), 0) + rng.normal(
                0, 0.1, len(columns)
            )
            assert nnls(columns, values) == pytest.approx(optimize.nnls(columns, values)[0], abs=1e-8)
