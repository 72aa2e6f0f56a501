"""What a simulation is made of: shapes, sizes and powers against other ways to the same numbers."""

import numpy as np
import pytest
from scipy import ndimage

from nanompi.methods.ptycho.read import scene


def test_noise_is_blurred_by_a_gaussian_of_the_width_asked():
    """The same white noise through a Gaussian filter of another library, with wrapped edges"""
    shape = (31, 24)
    white = np.random.default_rng(5).standard_normal(shape)
    blurred = ndimage.gaussian_filter(white, 2.0, mode="wrap", truncate=6)
    want = 0.5 + 0.5 * np.tanh((blurred - blurred.mean()) / (1.5 * blurred.std()))
    assert np.allclose(scene.smooth_noise(shape, 2.0, np.random.default_rng(5)), want, atol=0.01)


@pytest.mark.parametrize(("x", "want"), [(0, 0.5), (1, 0.8808), (-1, 0.1192), (20, 1), (-20, 0)])
def test_a_soft_step(x, want):
    assert scene.soft(np.array(x)) == pytest.approx(want, abs=1e-4)


def test_a_star_has_36_spokes_broken_by_four_rings():
    """300 columns: its radius is 144; a ring is 3.5 px wide"""
    star, turn = scene.siemens_star((400, 300)), np.linspace(0, 2 * np.pi, 20_000)

    def at(r, angle):
        places = 200 + r * np.sin(angle), 150 + r * np.cos(angle)
        return ndimage.map_coordinates(star, places, order=1)

    bright = np.pi / 72 + np.pi / 18 * np.arange(36)
    assert np.count_nonzero(np.diff(at(100.0, turn) > 0.5)) == 72
    assert at(100.0, bright).min() > 0.98 and at(100.0, -bright).max() < 0.02
    for share in (0.2, 0.4, 0.6, 0.8):
        assert at(share * 144, bright).max() < 0.25 and at((share + 0.1) * 144, bright).min() > 0.9
    assert at(150.0, bright).max() < 0.01 and star[200, 150] < 0.05
    assert star[201, 222] == pytest.approx(
        0.5 + 0.5 * np.tanh(72 * np.sin(36 / 72) / 18), abs=0.01
    )  # a px off


@pytest.mark.parametrize(("filled", "amplitude", "angle"), [(1, 0.6, -0.5), (0, 1, 0)])
def test_matter_lowers_amplitude_and_phase_together(monkeypatch, filled, amplitude, angle):
    monkeypatch.setattr(scene, "siemens_star", lambda shape: np.full(shape, float(filled)))
    monkeypatch.setattr(scene, "smooth_noise", lambda shape, width, rng: np.full(shape, float(filled)))
    found = scene.make_object((4, 5), 0.5, np.random.default_rng(0))
    assert found.shape == (4, 5) and found.dtype == np.complex64
    assert np.abs(found) == pytest.approx(amplitude) and np.angle(found) == pytest.approx(angle)


def test_a_focused_probe_is_a_ring_in_the_pupil_and_a_spot_of_the_diameter():
    """Rays: spatial frequency k of the pupil goes to (diameter / 2) k / aperture pixels"""
    n, aperture, diameter = 256, 36.0, 87.0
    wave = scene.focused_probe(n, aperture, diameter)
    pupil = np.abs(np.fft.fftshift(np.fft.fft2(wave, norm="ortho")))
    assert (
        pupil[128, 128] < 1e-6
        and pupil[128 + 24, 128] == pytest.approx(1, abs=1e-3)
        and pupil[0].max() < 1e-3
    )
    assert pupil[128, 128 - 36] == pytest.approx(0.5, abs=0.01) == pupil[128 + 36, 128]
    place = np.arange(n) - 128
    r2 = place[:, None] ** 2 + place**2
    spot, rays = (np.sqrt((r2 * w**2).sum() / (w**2).sum()) for w in (np.abs(wave), pupil))
    assert spot == pytest.approx(diameter / 2 * rays / aperture, rel=0.1)


def test_modes_share_the_photons_by_thirds_and_are_moments_of_the_first():
    P = scene.make_probe(64, 5, 1e6)
    power = (np.abs(P) ** 2).sum((1, 2))
    assert P.dtype == np.complex64 and P.shape == (5, 64, 64) and power.sum() == pytest.approx(1e6, rel=1e-5)
    assert power[1:] / power[:-1] == pytest.approx(1 / 3, rel=1e-4)
    y, x = np.indices((64, 64)) - 32

    def alike(a, b):
        return abs(np.vdot(a, b)) / np.linalg.norm(a) / np.linalg.norm(b)

    assert alike(P[1], P[0] * x) > 0.999 and alike(P[2], P[0] * y) > 0.999
    assert alike(P[3], P[0] * x**2) > 0.6 and alike(P[4], P[0] * y**2) > 0.5
    assert alike(scene.make_probe(64, 1, 5.0)[0], scene.focused_probe(64, 0.14 * 64, 0.34 * 64)) > 0.99999


def test_a_diffuse_probe_fills_a_circle():
    """Radius 0.4 of the size, half the amplitude there, edge soft over 0.03 of the size"""
    P = scene.diffuse_probe(200, 1e5, np.random.default_rng(0))
    k = np.arange(200) - 100
    r, a = np.hypot(k[:, None], k), np.abs(P[0])
    assert P.shape == (1, 200, 200) and P.dtype == np.complex64
    assert (a**2).sum() == pytest.approx(1e5, rel=1e-4)
    inside = a[r < 60]
    assert inside.min() / inside.max() > 0.69 and a[r > 98].max() < 0.01 * inside.mean()
    assert a[abs(r - 80) < 1].mean() == pytest.approx(inside.mean() / 2, rel=0.1)
    assert a[abs(r - 83) < 0.5].mean() == pytest.approx(inside.mean() * (1 + np.tanh(-0.5)) / 2, rel=0.1)
    assert np.ptp(np.angle(P[0][r < 60])) > 2  # a diffuser: phases of up to 4 rad


def test_free_space_is_a_phase_of_the_squared_frequency():
    got = scene.fresnel(8, 1e-6, 1e-10, 0.1)
    q2 = (1 / 8e-6) ** 2 + (2 / 8e-6) ** 2  # row 1, column 2
    assert got[1, 2] == pytest.approx(np.exp(-1j * np.pi * 1e-11 * q2), abs=1e-6) == got[7, 6]
    assert got[0, 0] == 1 and got.shape == (8, 8) and np.allclose(np.abs(got), 1)


def test_a_spiral_has_one_point_in_each_square_of_the_step():
    p = scene.spiral(400, 3.0)
    r = np.hypot(*p.T)
    assert np.allclose(np.pi * r**2, 9.0 * np.arange(400)) and p.shape == (400, 2)
    turn = np.diff(np.unwrap(np.arctan2(p[1:, 0], p[1:, 1])))
    assert np.allclose(turn, np.deg2rad(137.50776405))


@pytest.mark.parametrize(("n", "across"), [(1, 1), (7, 3), (9, 3), (10, 4)])
def test_a_raster_is_a_square_grid_with_a_jitter_of_03_steps(n, across):
    p = scene.raster(n, 10.0, np.random.default_rng(0))
    off = p - 10.0 * np.array([divmod(k, across) for k in range(n)])
    assert p.shape == (n, 2) and 0 < abs(off).max() <= 3 and (n < 7 or (off.min() < -1 and off.max() > 1))


@pytest.mark.parametrize("by", [(3, 0), (0, -2), (1, 4)])
def test_a_whole_shift_rolls(by):
    P = np.random.default_rng(0).normal(size=(2, 8, 11)).astype(np.complex64)
    got = scene.shifted(P, np.array(by))
    assert got.dtype == np.complex64 and np.allclose(got, np.roll(P, by, (1, 2)), atol=1e-5)
