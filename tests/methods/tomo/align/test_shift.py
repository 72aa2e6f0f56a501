"""Images moved by parts of a pixel."""

import numpy as np
import pytest

from nanompi.methods.tomo.align.anderson import Anderson
from nanompi.methods.tomo.align.shift import moved


def bump(y: float, x: float, shape=(33, 40)) -> np.ndarray:
    """A Gaussian two pixels wide"""
    row, column = np.indices(shape)
    return np.exp(-((row - y) ** 2 + (column - x) ** 2) / 8)


@pytest.mark.parametrize("down, right", [(0.37, -1.81), (3.0, 0.0), (0.0, 2.5)])
def test_what_stands_too_low_comes_up(down, right):
    assert np.allclose(moved(bump(16 + down, 20 + right), down, right), bump(16, 20), atol=1e-6)


def test_an_edge_does_not_ring_into_the_other():
    """Rows from 0 to 1 moved by half a pixel; a plain Fourier shift is wrong by 0.4 at the edges"""
    rise = np.tile(np.linspace(0, 1, 32)[:, None], (1, 4))
    assert np.abs(moved(rise, 0.5, 0)[2:-2] - rise[2:-2] - 0.5 / 31).max() < 2e-3


def test_single_stays_single():
    assert moved(bump(10, 10).astype(np.float32), 0.3, 0.2).dtype == np.float32


def test_a_linear_iteration_ends_after_as_many_rounds_as_it_has_unknowns():
    """Its slowest part goes down by 2 % a round: 200 plain rounds would leave 2 % of it"""
    rates, end, x, way = np.array([0.02, 0.3, 0.9]), np.array([3.0, -2.0, 5.0]), np.zeros(3), Anderson()
    for _ in range(5):
        x = way.next(x, rates * (end - x))
    assert np.allclose(x, end, atol=1e-6)
