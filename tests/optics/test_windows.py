"""Sliding windows in plain NumPy are those of SciPy."""

import numpy as np
import pytest
from scipy import fft, ndimage

from nanompi.optics.windows import blurred, fast_length, highest, joined, weighted


@pytest.mark.parametrize("shape", [(40, 31), (15, 15), (7, 60), (1, 1)])
@pytest.mark.parametrize("across", [1, 3, 5, 15])
def test_the_highest_around_each_pixel_is_that_of_scipy(shape, across):
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = highest(image, across)
    assert found.dtype == np.float32 and np.array_equal(found, ndimage.maximum_filter(image, across))


def test_pixels_of_which_all_around_are_good_are_those_of_an_erosion():
    good = np.random.default_rng(1).random((50, 40)) < 0.97
    want = ndimage.binary_erosion(good, np.ones((5, 5)))[2:-2, 2:-2]
    assert 0 < want.sum() < want.size and np.array_equal(joined(good, 5, np.logical_and), want)


def test_a_sum_with_weights_is_a_correlation():
    image, weights = np.random.default_rng(2).normal(size=(20, 33)), np.array([1.0, 5, 2, -3, 0.5])
    want = ndimage.correlate(image, np.outer(weights, weights))[2:-2, 2:-2]
    assert np.allclose(weighted(image, weights), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape, dtype", [((30, 41), "f4"), ((5, 9), "f8")])
def test_a_blur_is_that_of_scipy(shape, dtype):
    image = np.random.default_rng(3).normal(size=shape).astype(dtype)
    found, want = blurred(image, 1.5), ndimage.gaussian_filter(image, 1.5, mode="wrap")
    assert found.dtype == image.dtype and np.allclose(
        found, want, rtol=0, atol=1e-6 if dtype == "f4" else 1e-14
    )


def test_fast_lengths_are_those_of_scipy():
    sizes = [1, 2, 7, 31, 255, 511, 1023, 1537, 8191]
    assert [fast_length(n) for n in sizes] == [fft.next_fast_len(n, real=True) for n in sizes]
