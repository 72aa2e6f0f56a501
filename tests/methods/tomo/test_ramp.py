"""The ramp filter: what it does to waves, to constants, to the ends of rows."""

import numpy as np
import pytest

from nanompi.methods.tomo.ramp import filtered, ramp


@pytest.mark.parametrize("n", [2, 63, 64, 300])
def test_the_transfer_is_the_ramp_and_its_mean_is_that_of_the_filter(n):
    """|q| in cycles per px, apart from the lowest frequencies; at 0 what the finite h sums to,
    1/4 - sum 2 / (pi m)^2 over odd m < size / 2, about 2 / (pi^2 size), and not nothing"""
    H = ramp(n)
    size = 2 * (len(H) - 1)
    assert size >= 2 * n
    assert H[0] == pytest.approx(2 / (np.pi**2 * size), rel=0.1)
    assert abs(H - np.fft.rfftfreq(size))[1:].max() <= H[0]


def test_a_constant_row_is_filtered_away_but_for_the_rest():
    """The row goes on beyond its ends: no rim"""
    q = filtered(np.full((3, 64), 2.0), ramp(64))
    assert q == pytest.approx(np.full((3, 64), 2.0 * ramp(64)[0]), rel=1e-9)


def test_it_is_the_convolution_with_h():
    """By hand, for a row with empty ends"""
    p = np.zeros(40)
    p[10:25] = np.random.default_rng(0).random(15)
    m = np.arange(40)[:, None] - np.arange(40)
    h = np.where(m == 0, 0.25, np.where(m % 2, -1 / (np.pi * np.where(m, m, 1)) ** 2, 0))
    assert filtered(p[None], ramp(40))[0] == pytest.approx(h @ p, abs=1e-14)


def test_it_keeps_precision_and_shape():
    rows = np.random.default_rng(1).random((4, 33))
    single, double = filtered(rows.astype(np.float32), ramp(33)), filtered(rows, ramp(33))
    assert single.dtype == np.float32 and double.dtype == np.float64 and single.shape == (4, 33)
    assert abs(single - double).max() < 1e-6 * abs(double).max()
    assert filtered(rows[:0], ramp(33)).shape == (0, 33)
