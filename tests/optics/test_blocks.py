"""Means over blocks of pixels against means of slices."""

import numpy as np
import pytest

from nanompi.optics.blocks import angle_means, block_means


def blocks(image, k, m):
    """{(row, column): pixels} of each block"""
    h, w = image.shape[-2:]
    return {
        (i // k, j // m): image[..., i : i + k, j : j + m] for i in range(0, h, k) for j in range(0, w, m)
    }


@pytest.mark.parametrize("kind", ["f4", "c8", "i4", "f8"])
@pytest.mark.parametrize("k, m", [(2, 2), (3, 1), (4, 7), (30, 40)])
def test_each_is_the_mean_of_its_block_also_of_less_at_the_ends(kind, k, m):
    rng = np.random.default_rng(1)
    image = (
        rng.normal(size=(2, 10, 23)) * 10 + (1j * rng.normal(size=(2, 10, 23)) if kind == "c8" else 0)
    ).astype(kind)
    found = block_means(image, k, m)
    assert found.dtype == (np.float64 if kind == "i4" else kind)
    assert found.shape == (2, -(-10 // k), -(-23 // m))
    for place, own in blocks(image, k, m).items():
        assert np.allclose(found[(..., *place)], own.mean((1, 2)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("known, wanted", [(0.0, [2.0, 3.0, np.nan]), (0.5, [2.0, np.nan, np.nan])])
def test_what_is_no_number_does_not_count(known, wanted):
    nan, inf = np.nan, np.inf
    image = np.array([[1, 3, 3, nan, nan, nan], [nan, inf, nan, nan, nan, nan]], np.float32)
    found = block_means(image, 2, known=known)
    assert found.dtype == np.float32 and np.array_equal(found, [wanted], equal_nan=True)


def test_angles_have_no_jump_where_they_wrap():
    """Means of pi - 0.1 and -pi + 0.3 are -pi + 0.1; a pixel is never averaged with itself"""
    angle = np.array([[np.pi - 0.1, -np.pi + 0.3, 1.0, np.nan]], np.float32)
    assert np.allclose(angle_means(angle, 1, 2), [[-np.pi + 0.1, 1.0]], atol=1e-6)
    assert angle_means(angle, 1) is angle and block_means(angle, 1) is angle


def test_complex_values_with_gaps():
    image = np.array([[1 + 1j, np.nan], [3 - 1j, 2j]], np.complex64)
    assert np.allclose(block_means(image, 2), [[(4 + 2j) / 3]])
