"""The phantom: projections and slices agree, and both with what a drawing would give."""

import numpy as np
import pytest

from nanompi.methods.tomo.phantom import disc, grains

ROWS, N = 9, 96


@pytest.fixture(scope="module")
def phantom():
    return grains(N, ROWS, thickness=1.5, seed=3)


@pytest.mark.parametrize("row", [0, 4, 8])
def test_every_projection_sums_to_the_mass(phantom, row):
    """Nothing of it leaves the detector, whatever the angle and the axis"""
    for angle, centre in ((0, 47.5), (1.0, 47.5), (2.5, 52.1)):
        p = phantom.projection(angle, ROWS, N, centre)
        assert p.shape == (ROWS, N)
        assert p[row].sum() == pytest.approx(phantom.mass(row, ROWS), rel=1e-12)
    # drawn by 8 x 8 points a pixel: edges are off by 1/16 px at most
    assert phantom.slice(row, ROWS, N).sum() == pytest.approx(phantom.mass(row, ROWS), rel=2e-3)


def test_projections_along_the_axes_are_sums_of_the_slice(phantom):
    """At 0 the rays go along y and columns are x; at 90 degrees columns are y, which counts downwards"""
    drawn, middle = phantom.slice(4, ROWS, N), (N - 1) / 2
    for angle, axis in ((0, 0), (np.pi / 2, 1)):
        p = phantom.projection(angle, ROWS, N, middle)[4]
        assert abs(p - drawn.sum(axis)).max() < 2e-3 * p.max()


def test_half_a_turn_mirrors_about_the_axis(phantom):
    """p(t, angle + 180) = p(-t, angle), with -t about the centre: 50 here"""
    one, other = (phantom.projection(a, ROWS, 101, 50.0) for a in (0.4, 0.4 + np.pi))
    assert np.allclose(one, other[:, ::-1], atol=1e-12)


def test_a_disc_has_the_chord_of_a_circle():
    """2 value sqrt(r^2 - t^2), averaged over a column"""
    p = disc(20.0, 0.03, x=4.0).projection(0.0, 1, 64, 31.5)[0]
    t = (np.arange(64 * 500) + 0.5) / 500 - 0.5 - 31.5 - 4.0
    chord = 2 * 0.03 * np.sqrt(np.maximum(400 - t**2, 0)).reshape(64, 500).mean(1)
    assert abs(p - chord).max() < 1e-5 * chord.max()
    moved = disc(20.0, 0.03, y=4.0).projection(np.pi / 2, 1, 64, 31.5)[0]
    assert np.allclose(moved, p, atol=1e-12)


def test_no_two_slices_and_no_mirror_images_are_alike(phantom):
    """So that slices in a wrong order and flipped ones are seen"""
    slices = [phantom.slice(row, ROWS, N) for row in range(ROWS)]
    top = max(s.max() for s in slices)
    rms = lambda a, b: np.sqrt(np.mean((a - b) ** 2)) / top  # noqa: E731
    assert min(rms(a, b) for k, a in enumerate(slices) for b in slices[:k]) > 0.005
    for flipped in (slices[0].T, slices[0][::-1], slices[0][:, ::-1], slices[0][::-1, ::-1]):
        assert rms(slices[0], flipped) > 0.05


def test_it_fits_and_has_the_thickness_that_was_asked_for(phantom):
    y, x = np.indices((N, N)) - (N - 1) / 2
    assert not phantom.slice(4, ROWS, N)[np.hypot(x, y) > 0.41 * N].any()
    bare = grains(N, ROWS, thickness=1.5, seed=3, n=0)
    assert 0.9 < bare.projection(bare.phi[0] + np.pi / 2, ROWS, N, 47.5)[4].max() <= 1.5
    assert not np.allclose(grains(N, ROWS, 1.5, seed=4).value, phantom.value)
