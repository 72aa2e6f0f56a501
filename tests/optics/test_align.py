"""Two images brought onto each other."""

import numpy as np
import pytest
from scipy import ndimage

from nanompi.optics.align import _warped, align, placed, shifted, stretched, well_lit


def inside(n: int = 256, rim: int = 30) -> np.ndarray:
    mask = np.zeros((n, n), bool)
    mask[rim:-rim, rim:-rim] = True
    return mask


@pytest.mark.parametrize(
    "shift, ramp", [((0, 0), (0, 0)), ((1.4, -2.3), (0.019, -0.026)), ((-7.6, 5.2), (0.3, 1.1))]
)
def test_shift_ramp_and_scale_are_recovered(star, shift, ramp):
    n = star.truth.shape[0]
    turns = [2 * np.pi * round(r * n / 2 / np.pi) / n for r in ramp]  # whole turns: the array wraps smoothly
    image = star.moved(star.truth, shift, turns, 3 * np.exp(1j))
    found = align(image, star.truth, inside())
    assert found.shift == pytest.approx(np.negative(shift), abs=1e-3)
    assert found.ramp == pytest.approx(turns, abs=1e-5)
    assert abs(found.scale) == pytest.approx(1 / 3, abs=1e-4)
    left = (found.image - star.truth)[inside()]
    assert np.sqrt(np.mean(np.abs(left) ** 2)) < 2.5e-3  # of the texture (0.04), which reaches Nyquist


def test_noise_stays_noise(star):
    rng = np.random.default_rng(2)
    noise = 0.05 * (rng.normal(size=star.truth.shape) + 1j * rng.normal(size=star.truth.shape))
    image = star.moved(star.truth, (2.7, 0.45), (0.02, 0.01), 0.5) + 0.5 * noise
    found = align(image, star.truth, inside())
    assert found.shift == pytest.approx([-2.7, -0.45], abs=0.02)  # the texture holds this much
    left = (found.image - star.truth)[inside()]
    assert np.sqrt(np.mean(np.abs(left) ** 2)) == pytest.approx(0.05 * np.sqrt(2), rel=0.02)


def test_wild_pixels_outside_do_not_ring_into_the_image(star):
    image = star.moved(star.truth, (0.5, 0.5), (0, 0), 1)
    image[:4] = 1e4
    found = align(image, star.truth, inside())
    assert found.shift == pytest.approx([-0.5, -0.5], abs=0.01)
    assert np.sqrt(np.mean(np.abs(found.image - star.truth)[inside()] ** 2)) < 0.02


def test_shifted_moves_down_and_right():
    point = np.zeros((16, 16))
    point[5, 6] = 1
    assert np.unravel_index(np.argmax(shifted(point, (2, -3)).real), (16, 16)) == (7, 3)


def test_placed_cuts_and_fills():
    small = np.arange(6.0).reshape(2, 3)
    out = placed(small, (4, 4), (-1, 2), fill=9)
    assert np.array_equal(out[0], [9, 9, 3, 4]) and (out[1:] == 9).all()
    assert (placed(small, (4, 4), (10, 10)) == 1).all()


def test_well_lit_is_one_area_without_holes_and_rim():
    weight = np.zeros((80, 80))
    weight[10:60, 10:60] = 1.0
    weight[30, 30] = 0
    weight[70:78, 70:78] = 1.0
    mask = well_lit(weight)
    assert mask[16:54, 16:54].all() and mask.sum() == 38 * 38


def test_a_stretched_and_turned_image_is_laid_on_the_straight_one():
    """by 1 % and 0.3 degrees: of 0.05 rad nothing is left, and the four numbers are found"""
    rng, n = np.random.default_rng(0), 120
    phase, loss = (ndimage.gaussian_filter(rng.normal(size=(n, n)), 2) for _ in range(2))
    O = np.exp(0.5j * phase / phase.std() - 0.1 * loss / loss.std())
    bent, mask = np.array([[0.01, -0.004], [0.006, -0.005]]), np.zeros((n, n), bool)
    mask[20:-20, 20:-20] = True
    plain = align(_warped(O, -bent, np.array([59.5, 59.5])), O, mask)
    found = stretched(plain, O, mask)
    errors = [np.angle((a.image * O.conj())[mask]).std() for a in (plain, found)]
    assert errors[0] > 0.04 and errors[1] < 0.002
    assert np.abs(found.affine - bent).max() < 3e-4
