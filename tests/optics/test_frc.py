"""Fourier ring correlation."""

import numpy as np
import pytest

from nanompi.optics.frc import crossing, frc, half_bit, largest_square


def noise(seed: int, n: int = 200) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))


def low_passed(image: np.ndarray, cut: float) -> np.ndarray:
    """Frequencies above `cut` cycles per px removed."""
    k = [np.fft.fftfreq(n) for n in image.shape]
    return np.fft.ifft2(np.fft.fft2(image) * (np.hypot(k[0][:, None], k[1]) < cut))


def test_identical_images_correlate_by_one_and_never_fall():
    curve = frc(noise(1), noise(1), np.ones((200, 200), bool))
    assert curve.value == pytest.approx(1) and curve.frequency[-1] == 0.5 and curve.window == 200
    assert crossing(curve, 0.5) is None and crossing(curve, curve.half_bit) is None


def test_independent_noise_correlates_by_nothing_and_falls_at_once():
    curve = frc(noise(1), noise(2), np.ones((200, 200), bool))
    assert np.abs(curve.value[10:].mean()) < 0.02
    rings = 2 * np.pi * np.arange(11, 101) * 4 / 9
    assert np.std(curve.value[10:] * np.sqrt(2 * rings)) == pytest.approx(
        1, abs=0.25
    )  # so many independent pixels
    assert crossing(curve, 0.5) < 0.03


def test_the_curve_falls_where_the_common_part_ends():
    a = noise(3)
    common = low_passed(a, 0.2)
    curve = frc(common + 0.5 * noise(4), common + 0.5 * noise(5), np.ones((200, 200), bool))
    assert crossing(curve, 0.5) == pytest.approx(0.2, abs=0.01)
    assert crossing(curve, curve.half_bit) == pytest.approx(0.2, abs=0.01)


def test_signal_to_noise_gives_the_expected_correlation():
    a = noise(6)
    curve = frc(a + noise(7), a + noise(8), np.ones((200, 200), bool))  # SNR 1: S / (S + 1) = 0.5
    assert curve.value[20:].mean() == pytest.approx(0.5, abs=0.02)


def test_half_bit_is_the_published_curve():
    n = np.array([10.0, 100.0, 1e12])
    published = (0.2071 + 1.9102 / np.sqrt(n)) / (1.2071 + 0.9102 / np.sqrt(n))
    assert half_bit(n) == pytest.approx(published, abs=1e-4)


def test_the_largest_square_stays_inside_the_mask_and_a_small_one_is_refused():
    mask = np.zeros((60, 80), bool)
    mask[10:50, 20:60] = True
    assert largest_square(mask) == (slice(10, 50), slice(20, 60))
    with pytest.raises(ValueError, match="16 px is the least"):
        frc(noise(1)[:60, :80], noise(2)[:60, :80], np.zeros((60, 80), bool))


def test_rings_are_round_in_metres():
    """Noise beyond 0.2 cycles per unit: the curve falls there whatever the sides of a pixel"""
    rng, n = np.random.default_rng(0), 128
    for pixel in ((1.0, 1.0), (0.5, 1.0)):
        ky, kx = (np.fft.fftfreq(n, d) for d in pixel)
        low = np.hypot(ky[:, None], kx) < 0.2
        common = np.fft.ifft2(np.fft.fft2(rng.normal(size=(n, n))) * low)
        a, b = (common + np.fft.ifft2(np.fft.fft2(rng.normal(size=(n, n))) * ~low) for _ in range(2))
        found = crossing(frc(a, b, np.ones((n, n), bool), pixel), 0.5)
        assert found / max(pixel) == pytest.approx(0.2, rel=0.06)
