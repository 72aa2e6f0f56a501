"""Images on other grids."""

import numpy as np
import pytest

from nanompi.optics.resample import resampled


def waves(y, x):
    return np.cos(0.7 * y[:, None] - 1.1 * x + 0.3) + 1j * np.cos(1.6 * y[:, None] + 0.4 * x)


@pytest.mark.parametrize("step", [0.5, 0.9, 1.0, 4 / 3])
def test_band_limited_images_are_met_between_the_pixels(step):
    """1.6 rad per pixel: 0.68 of what the coarsest of these grids can hold"""
    start, shape = np.array([30.3, 35.6]), (50, 40)
    found = resampled(waves(np.arange(150), np.arange(140)), start, (step, step), shape)
    exact = waves(start[0] + step * np.arange(50), start[1] + step * np.arange(40))
    assert np.abs(found - exact).max() < 2e-3


def test_whole_pixels_are_copied_and_what_a_coarser_grid_cannot_hold_is_taken_away():
    image = np.random.default_rng(0).normal(size=(2, 60, 50))
    assert resampled(image, (3, 5), (1, 1), (40, 30)) == pytest.approx(image[:, 3:43, 5:35], abs=1e-12)
    stripes = np.broadcast_to((-1.0) ** np.arange(200), (40, 200))
    assert np.abs(resampled(stripes, (0, 50), (1, 2), (40, 50))).max() < 1e-3  # 1 without the filter
