"""The centre is found to a pixel on simulated far-field frames whose centre is known."""

import numpy as np
import pytest

from nanompi.errors import JobError
from nanompi.methods.ptycho.prepare.centre import centre, middle, symmetric
from nanompi.methods.ptycho.prepare.mask import dead
from nanompi.methods.ptycho.prepare.step import Prepare, make_plan
from tests.memory import scan_of

N = 96


def aperture(kind, rng):
    """The probe in the detector plane, its centre in the middle: a defocused disc or donut, or a diffuser."""
    y, x = np.mgrid[:N, :N] - N // 2
    r = np.hypot(y, x)
    if kind == "speckle":
        return np.exp(-(r**2) / (2 * 8.0**2)) * np.exp(2j * np.pi * rng.random((N, N)))
    inner = r > (N / 10 if kind == "donut" else -1)
    return (r < N / 5) * inner * np.exp(50j * (r / N) ** 2)


def frames(kind, seed, photons):
    """24 frames of a strong object of absorption and phase, and the (row, column) where their centre is."""
    rng = np.random.default_rng(seed)
    probe = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(aperture(kind, rng))))
    k = np.fft.fftfreq(2 * N)
    blobs = np.fft.ifft2(
        np.fft.fft2(rng.normal(size=(2 * N, 2 * N))) * np.exp(-np.add.outer(k**2, k**2) / 0.002)
    ).real
    blobs /= blobs.std()
    sample = np.exp(-0.1 * (blobs - blobs.min()) + 0.6j * blobs)
    psi = np.array([probe * sample[a : a + N, b : b + N] for a, b in rng.integers(0, N, (24, 2))])
    light = np.fft.fftshift(np.abs(np.fft.fft2(psi)) ** 2, axes=(1, 2))
    shift = rng.integers(-12, 13, 2)
    counts = rng.poisson(np.roll(light, shift, axis=(1, 2)) * (photons / light[0].sum()))
    return counts, N // 2 + shift


def off(found, truth):
    return np.abs(np.subtract(found, truth)).max()


@pytest.mark.parametrize("kind", ["disc", "donut", "speckle"])
@pytest.mark.parametrize("photons", [2e3, 1e6])
@pytest.mark.parametrize("seed", [0, 1])
def test_centre_of_a_noisy_pattern(kind, photons, seed):
    counts, truth = frames(kind, seed, photons)
    mean, good = counts.mean(axis=0), np.ones((N, N), bool)
    assert off(symmetric(mean, good), truth) <= 1
    r, c = truth  # gaps across the pattern, not through its middle, and a dark corner
    good[r + 6 : r + 11] = good[:, c - 14 : c - 8] = good[:20, :20] = False
    assert off(symmetric(mean, good), truth) <= 1


@pytest.mark.parametrize("kind", ["disc", "donut", "speckle"])
@pytest.mark.parametrize("masked", [True, False])
def test_centre_behind_a_beam_stop(kind, masked):
    counts, truth = frames(kind, 3, 1e5)
    y, x = np.mgrid[:N, :N]
    y, x = y - truth[0] - 2, x - truth[1] + 1  # the stop is not in the middle of the beam, and has an arm
    stop = (np.hypot(y, x) < N / 14) | ((np.abs(y) < 2) & (x < 0))
    counts[:, stop] = 0
    good = ~stop if masked else ~dead(counts.sum(axis=0), np.ones((N, N), bool))
    assert off(symmetric(counts.mean(axis=0), good), truth) <= 1


@pytest.mark.parametrize("masked", [True, False])
def test_the_step_finds_it_too(masked):
    counts, truth = frames("donut", 4, 1e5)
    counts = counts.astype(np.int32)
    counts[:, :, truth[1] + 15 : truth[1] + 18] = -1 if masked else 0
    plan = make_plan(Prepare(size=48), scan_of(counts))
    assert off(plan.notes["centre"], truth) <= 1


def test_auto_keeps_frames_that_are_centred_or_show_no_beam():
    counts = np.random.default_rng(0).poisson(5, (20, 40, 40))
    assert centre("auto", counts.mean(axis=0), np.ones((40, 40), bool), far=True) == (20, 20)
    assert centre("auto", np.zeros((40, 40)), np.ones((40, 40), bool), far=True) == (20, 20)


def test_near_field_takes_the_very_middle():
    lopsided = np.zeros((40, 41))
    lopsided[:10, :10] = 9
    assert (
        centre("auto", lopsided, np.ones((40, 41), bool), far=False) == (19.5, 20) == middle((40, 41), False)
    )


def test_the_symmetric_point_to_half_a_pixel():
    """Spots of two pixels by one: their middle, in frames of odd, even and different sides"""
    for shape in ((20, 31), (31, 20)):
        mean = np.zeros(shape)
        mean[6:8, 12] = 7
        assert symmetric(mean, np.ones(shape, bool)) == (6.5, 12)
        assert symmetric(-mean, np.ones(shape, bool)) is None
        good = np.ones(shape, bool)
        mean[15, 15], good[15, 15] = 1e6, False
        assert symmetric(mean, good) == (6.5, 12)
    for at in ((0, 0), (19, 30), (0, 30), (19, 0)):
        mean = np.zeros((20, 31))
        mean[at] = 5
        assert symmetric(mean, np.ones((20, 31), bool)) == at


def test_a_beam_within_a_pixel_of_the_middle_is_there():
    for row, column, want in ((20, 20, 0), (21, 19, 0), (22, 20, 1), (20, 18, 1), (18, 20, 1), (20, 22, 1)):
        mean = np.zeros((40, 41))
        mean[row, column] = 5
        good = np.ones((40, 41), bool)
        assert centre("auto", mean, good, True) == ((row, column) if want else (20, 20))
        assert centre("middle", mean, good, True) == (20, 20)
        assert centre("auto", mean, good, False) == (19.5, 20)
        assert centre((row, 3.5), mean, good, False) == (row, 3.5)


@pytest.mark.parametrize("given", [(40, 0), (0, 41), (-0.1, 5), (5, -1), (5,), (5, 5, 5)])
def test_points_outside_the_frame(given):
    with pytest.raises(JobError, match="not a point of the frame"):
        centre(given, np.ones((40, 41)), np.ones((40, 41), bool), True)
    assert centre((0, 40), np.ones((40, 41)), np.ones((40, 41), bool), True) == (0, 40)
