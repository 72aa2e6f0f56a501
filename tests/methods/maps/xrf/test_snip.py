"""SNIP on peaks over a background that is known."""

import numpy as np
import pytest

from nanompi.methods.maps.xrf.snip import snip


@pytest.fixture
def background():
    """(400,) counts, falling"""
    return 300 * np.exp(-np.arange(400) / 150) + 20


@pytest.mark.parametrize("height", [100, 1e5])
def test_peaks_of_all_heights_are_clipped(background, height):
    """A peak of a width of 5 channels leaves a tenth of the background under it, however high it is"""
    peak = height * np.exp(-((np.arange(400) - 200.0) ** 2) / 50)
    got = snip(background + peak, 30)
    assert abs(got / background - 1)[30:-30].max() < 0.12
    assert (got <= background + peak + 1e-9).all()


def test_spectra_side_by_side_and_short_ones(background):
    both = snip(np.stack([background, np.zeros(400)]), 20)
    assert np.array_equal(both[0], snip(background, 20)) and abs(both[1]).max() < 1e-12
    assert snip(np.array([3.0, 9, 3]), 40)[1] == pytest.approx(3)
