"""Phase ramps and the scanned area."""

import numpy as np
import pytest

from nanompi.optics.ramp import find_ramp, mean_gradient, remove_ramp, scanned_area, top


@pytest.mark.parametrize("ramp", [(0.0, 0.0), (0.013, -0.021), (0.9, -2.4), (3.0, 0.4)])
def test_a_ramp_is_found_and_removed_however_often_the_phase_wraps(star, ramp):
    flat, own = remove_ramp(star.truth, star.weight)  # the star itself is not quite flat
    image = star.moved(star.truth, (0, 0), ramp, 1.3 * np.exp(2j))
    back, found = remove_ramp(image.astype(np.complex64), star.weight)
    assert np.subtract(found, own) == pytest.approx(ramp, abs=2e-6)
    assert back.dtype == np.complex64
    assert np.abs(back - 1.3 * flat).max() < 2e-3  # 2e-6 rad per px over 256 px, and single precision
    assert np.angle((back * star.weight).sum()) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("noise", [1.0, 4.0])
def test_noise_moves_the_ramp_by_no_more_than_it_must(noise):
    """Cramer-Rao bound of a plane wave in white noise, H pixels along the axis: the variance of k is
    6 noise^2 / (pixels H^2); 5 standard deviations of it, in an odd shape, wrapped 90 times"""
    rng, (H, W), ramp = np.random.default_rng(2), (151, 202), (2.1, -2.9)
    r = np.arange(H)[:, None] * ramp[0] + np.arange(W) * ramp[1]
    own = rng.normal(size=(2, H, W)) * noise / np.sqrt(2)
    found = find_ramp((np.exp(1j * r) + own[0] + 1j * own[1]).astype(np.complex64), np.ones((H, W)))
    limits = [5 * noise * np.sqrt(6 / (H * W)) / n for n in (H, W)]
    assert (abs(np.subtract(found, ramp)) < limits).all()


def test_the_ramp_of_most_of_the_image_is_found_where_the_mean_gradient_is_that_of_none():
    """A third has another ramp: the mean gradient lies between both, 7 bins from either"""
    y, x = np.mgrid[:120, :180]
    image = np.exp(1j * np.where(x < 60, -0.6 * y - 0.4 * x, 0.6 * y + 0.2 * x))
    assert abs(mean_gradient(image, np.ones(image.shape))[0] - 0.6) > 7 * 2 * np.pi / 120
    assert find_ramp(image, np.ones(image.shape)) == pytest.approx((0.6, 0.2), abs=2e-4)


def test_the_peak_is_the_highest_of_a_spectrum_without_a_clear_one():
    """Against the spectrum of a 16 times larger image, of which no bin is higher: random phases of 1.5 rad"""
    rng = np.random.default_rng(3)
    for shape in [(33, 40), (29, 17)]:
        smooth = np.fft.ifft2(np.fft.fft2(rng.normal(size=shape)) * (rng.random(shape) < 0.1)).real
        image, weight = np.exp(1.5j * smooth / smooth.std()), rng.random(shape)
        y, x = (np.exp(-1j * k * np.arange(n)) for k, n in zip(find_ramp(image, weight), shape))
        most = abs(np.fft.fft2(image * weight, [16 * n for n in shape])).max()
        assert abs(y @ (image * weight) @ x) >= most


def test_noise_outside_the_scanned_area_does_not_move_the_ramp(star):
    rng = np.random.default_rng(0)
    image = star.moved(star.truth, (0, 0), (0.05, 0.02), 1)
    wild = np.where(star.weight > 0, image, 50 * np.exp(2j * np.pi * rng.random(image.shape)))
    assert (
        remove_ramp(wild, star.weight)[1] == remove_ramp(np.where(star.weight > 0, image, 0), star.weight)[1]
    )


def test_mean_gradient_is_a_start_within_the_wrap():
    x = np.arange(64)
    image = np.exp(1j * (0.3 * x[:, None] - 2.9 * x))
    assert mean_gradient(image, np.ones((64, 64))) == pytest.approx((0.3, -2.9))


def test_an_empty_image_has_no_ramp_and_no_nan():
    back, ramp = remove_ramp(np.zeros((16, 16), np.complex64), np.ones((16, 16)))
    assert np.isfinite(ramp).all() and not back.any()


def test_the_scanned_area_is_the_lit_box_and_ignores_a_hot_pixel():
    weight = np.zeros((50, 60))
    weight[10:30, 20:45] = 5.0
    weight[12, 21] = 60.0
    mask, box = scanned_area(weight)
    assert box == (slice(10, 30), slice(20, 45)) and mask.sum() == 20 * 25


def test_the_top_of_a_parabola_through_three_values():
    parabola = lambda at: 5 - 2 * (np.arange(-1, 2) - at) ** 2  # noqa: E731
    assert [top(parabola(at)) for at in (-0.4, 0.0, 0.9)] == pytest.approx([-0.4, 0, 0.9])
    assert [top(parabola(at)) for at in (-3, 3)] == [-1, 1]  # not beyond the ends
    assert [top(np.array(v)) for v in ([2, 0, 5], [5, 0, 2], [1, 1, 1])] == [1, -1, 0]  # a valley, and flat
