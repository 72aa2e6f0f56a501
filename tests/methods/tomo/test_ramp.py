"""The ramp filter: its transfer, its mean, its windows."""

import numpy as np
import pytest

from nanompi.methods.tomo.ramp import WINDOWS, ramp


@pytest.mark.parametrize("n", [2, 63, 64, 300])
def test_the_transfer_is_the_ramp_and_its_mean_is_that_of_the_filter(n):
    """|q| in cycles per px, apart from the lowest frequencies; at 0 what the finite h sums to,
    1/4 - sum 2 / (pi m)^2 over odd m < size / 2, about 2 / (pi^2 size), and not nothing"""
    H = ramp(n)
    size = 2 * (len(H) - 1)
    assert size >= 2 * n
    assert H[0] == pytest.approx(2 / (np.pi**2 * size), rel=0.1)
    assert abs(H - np.fft.rfftfreq(size))[1:].max() <= H[0]


def test_it_is_the_convolution_with_h():
    """By hand, for a row with empty ends"""
    p = np.zeros(80)
    p[10:25] = np.random.default_rng(0).random(15)
    m = np.arange(40)[:, None] - np.arange(40)
    h = np.where(m == 0, 0.25, np.where(m % 2, -1 / (np.pi * np.where(m, m, 1)) ** 2, 0))
    q = np.fft.irfft(np.fft.rfft(p) * ramp(40, 80))
    assert q[:40] == pytest.approx(h @ p[:40], abs=1e-14)


def test_windows_are_those_of_the_cutoff():
    """At half the cutoff what each is by its formula; nothing beyond; the mean is left"""
    half = {"ramp": 1, "shepp": np.sinc(0.25), "cosine": np.sqrt(0.5), "hann": 0.5, "parzen": 0.25}
    assert half.keys() == WINDOWS.keys()
    whole = ramp(100, 200)
    for window, value in half.items():
        for cutoff in (1.0, 0.5):
            H = ramp(100, 200, window, cutoff)
            middle = int(50 * cutoff)
            assert H[0] == whole[0] and H[middle] == pytest.approx(value * whole[middle])
            assert not H[int(100 * cutoff) + 1 :].any()
