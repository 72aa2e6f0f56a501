"""Solutions on each other: place, phase and twin are found; average, modes and extents of known images."""

import numpy as np
import pytest

from nanompi.methods.cdi.align import align
from nanompi.methods.cdi.solutions import best_of, centred, combine, extent, modes_of
from nanompi.optics.align import shifted


def smooth(shape=(40, 36), seed=1):
    """A band-limited complex image without symmetry"""
    rng = np.random.default_rng(seed)
    at = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    out = 0
    for _ in range(6):
        c, w = [rng.uniform(0.35 * n, 0.65 * n) for n in shape], rng.uniform(1.5, 4)
        out = out + rng.uniform(0.5, 1) * np.exp(
            1j * rng.uniform(0, 2) - sum((a - b) ** 2 for a, b in zip(at, c)) / w**2
        )
    return out.astype(np.complex64)


@pytest.mark.parametrize("twin", [False, True])
def test_a_moved_turned_and_conjugated_image_comes_back(twin):
    one = smooth()
    other = shifted(one, (3.3, -5.75)) * np.exp(0.7j)
    other = np.roll(other[::-1, ::-1].conj(), 4, 0) if twin else other
    fit = align(other.astype(np.complex64), one)
    assert fit.twin is twin and fit.agreement == pytest.approx(1, abs=1e-4)
    assert np.linalg.norm(fit.image - one) / np.linalg.norm(one) < 1e-3  # single precision


def test_a_volume_too():
    one = smooth((12, 20, 16))
    fit = align(np.roll(one, (2, -3, 5), (0, 1, 2)) * 1j, one)
    assert fit.shift == pytest.approx([-2, 3, -5], abs=1e-3)
    assert np.linalg.norm(fit.image - one) / np.linalg.norm(one) < 1e-3


def test_best_ones_are_near_the_best():
    figures = {n: {"free": f, "error": 0.1} for n, f in enumerate([2.0, 1.1, 1.0, 1.19, 9.0, 1.21])}
    assert best_of(figures, "auto") == [2, 1, 3]  # within 20 %
    assert best_of(figures, 4) == [2, 1, 3, 5]
    below = {n: {"error": 0.0, "free": free} for n, free in enumerate((-1e-7, -2e-7, 1.0, 1.0))}
    assert best_of(below, "auto") == [1]  # 0 less a rounding
    assert best_of({0: {"error": 0.2}, 1: {"error": np.nan}, 2: {"error": 0.1}}, 5) == [2, 0]  # no number


def test_average_and_modes_of_the_same_image():
    one = smooth()
    found = combine([7, 3], [one, np.roll(one, (5, 2), (0, 1)) * 1j])
    assert found.weights[0] == pytest.approx(1, abs=1e-5) and found.agreement.min() > 0.999
    assert np.linalg.norm(found.average - one) / np.linalg.norm(one) < 1e-3
    assert np.linalg.norm(found.modes[0]) == pytest.approx(np.linalg.norm(one), rel=1e-4)


def test_modes_of_two_orthogonal_images():
    """Half of the power each: no common image"""
    a, b = np.zeros((2, 8, 8), np.complex64)
    a[:4], b[4:] = 1, 1
    weights, modes = modes_of(np.stack([a, b]))
    assert weights == pytest.approx([0.5, 0.5]) and abs(np.vdot(*modes)) < 1e-5


def test_mass_is_moved_to_the_origin_over_the_edge():
    image = np.zeros((16, 12))
    image[[15, 0, 1], 5] = 1
    assert centred(image) == (0, -5)
    assert extent(image != 0) == (3, 1)
    assert extent(np.ones((4, 4), bool)) == (4, 4)
    assert extent(np.zeros((4, 4), bool)) == (0, 0)
