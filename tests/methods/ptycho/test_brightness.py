"""Sums of frames: what the beam does to them, and what the object does; and noise of the counts."""

import numpy as np
import pytest

from nanompi.methods.ptycho.beam import counting_misfit
from nanompi.methods.ptycho.brightness import OWN, brightness, fluctuation


def scan(absorbed: float, flux: float):
    """(positions, sums) of 100 frames of 1e5 counts on a grid, under an object that is darker on one side"""
    rng = np.random.default_rng(3)
    positions = np.stack(np.divmod(np.arange(100), 10), 1) + rng.uniform(-0.2, 0.2, (100, 2))
    light = np.exp(-absorbed * (0.5 + 0.5 * np.sin(0.6 * positions[:, 0]) * np.cos(0.5 * positions[:, 1])))
    beam = np.maximum(0.1, 1 + flux * rng.normal(size=100))
    return positions, rng.poisson(1e5 * light * beam)


@pytest.mark.parametrize("flux", [0.15, 0.3])
def test_the_sums_of_a_beam_that_fluctuates_are_its_brightness(flux):
    positions, sums = scan(0.0, flux)
    rms, part = fluctuation(positions, sums)
    assert rms == pytest.approx(flux, rel=0.3) and part > OWN
    assert np.array_equal(brightness(positions, sums), sums / sums.mean())


@pytest.mark.parametrize("absorbed", [0.0, 0.3, 2.0])
def test_an_object_that_absorbs_is_not_taken_for_the_beam(absorbed):
    """Without an object the sums have the noise of counting alone, which is nobody's brightness"""
    positions, sums = scan(absorbed, 0.0)
    assert np.array_equal(brightness(positions, sums), np.ones(100))


def test_the_misfit_of_counting_noise_is_that_of_poisson_counts():
    """Means of 0.02 to 200: the roots of counts are off by 1/2 where there are many, by more in parts"""
    mean = np.geomspace(0.02, 200, 60).reshape(6, 10)
    for part in (mean[:2], mean[2:4], mean):
        k = np.random.default_rng(0).poisson(part, (4000, *part.shape))
        expected = np.sqrt(((np.sqrt(k) - np.sqrt(part)) ** 2).mean(0).sum() / part.sum())
        assert counting_misfit(part) == pytest.approx(expected, rel=0.02)


def test_a_single_frame_has_the_mean_brightness():
    assert np.array_equal(brightness(np.zeros((1, 2)), np.array([7.0])), [1.0])
