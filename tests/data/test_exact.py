"""Sums whose bits do not depend on the order."""

import math

import numpy as np
import pytest

from nanompi.data.exact import ExactSum
from nanompi.mpi.team import Team

TEAM = Team(alone=True)


def total(*blocks):
    out = ExactSum()
    for block in blocks:
        out.add(block)
    return out.total(TEAM)


def scene(seed: int, dtype=np.float64) -> np.ndarray:
    """(1000, 3): numbers of both signs over twenty decades, of which many cancel."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(1000, 3)) * 10.0 ** rng.uniform(-10, 10, (1000, 3))
    values[500:] = np.where(rng.random((500, 3)) < 0.8, -values[:500], values[500:])
    return values.astype(dtype)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_order_and_every_cut_gives_the_same_bits(seed, dtype):
    values = scene(seed, dtype)
    once, rng = total(values), np.random.default_rng(seed)
    for pieces in (2, 7, 1000):
        mixed = total(*np.array_split(rng.permutation(values), pieces))
        assert mixed.tobytes() == once.tobytes()


@pytest.mark.parametrize("seed", range(5))
def test_the_sum_is_right_to_the_last_bits_of_the_largest_value(seed):
    values = scene(seed)
    true = np.array([math.fsum(column) for column in values.T])
    assert np.abs(total(values) - true).max() <= 2.0**-52 * np.abs(values).max()


def test_integers_stay_integers_and_are_not_rounded():
    values = np.array([[2**60, 1], [3, -7]])
    assert total(values, values).tolist() == [2 * (2**60 + 3), -12]
    assert total(np.full((70000, 1), 65535, np.uint16)).tolist() == [70000 * 65535]
    assert total(np.array([True, True, False])) == 2


def test_blocks_of_integers_among_blocks_of_floats():
    assert total(np.array([1, 2]), np.array([0.25])) == 3.25


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan, 1e300])
def test_what_is_no_number_or_very_large_is_added_as_it_is(odd):
    values = np.array([[1.0, 0.5], [odd, 0.25], [2.0, 0.125]])
    assert np.array_equal(total(values), [odd + 3, 0.875], equal_nan=True)


def test_the_smallest_and_the_largest_numbers():
    assert total(np.array([2.0**-1050, 2.0**-1050])) == 2.0**-1049
    assert total(np.array([2.0**899, 1.0, -(2.0**899)])) == 1.0


def test_nothing_added_is_nothing():
    assert ExactSum().total(TEAM) is None and total(np.zeros((0, 2))).tolist() == [0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_sums_that_are_joined_are_those_of_all(seed):
    values, joined = scene(seed), ExactSum()
    for part in np.array_split(values, 5):
        own = ExactSum()
        own.add(part)
        joined.join(own)
    assert joined.total(TEAM).tobytes() == total(values).tobytes()
