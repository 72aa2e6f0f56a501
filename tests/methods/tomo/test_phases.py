"""Line integrals from wrapped phases."""

import numpy as np
import pytest

from nanompi.methods.tomo.phases import air, attenuation_lines, phase_lines, wrapped
from nanompi.methods.tomo.ramp import ramp
from tests.methods.tomo.shaken import Shaken


def test_phases_over_many_turns_come_back_with_their_noise_alone():
    scene = Shaken.of(96, 4, 2)
    assert scene.lines.max() > 3 * np.pi and np.abs(np.diff(scene.lines)).max() < np.pi
    assert np.std(scene.measured(0.05) - scene.lines) < 0.055
    assert np.abs(scene.measured(0.0) - scene.lines).max() < 0.05  # the balls' feet in the air


def test_a_slope_that_cannot_be_seen_spoils_its_neighbourhood_alone():
    """A slope up to 5 rad, down again from one pixel to the next: row by row all behind it is wrong"""
    image = np.zeros((60, 60))
    image[20:40, 10:30] = np.linspace(0, 5, 20)
    error = np.abs(phase_lines(np.exp(1j * image), np.ones((60, 60), bool)) - image)
    by_rows = np.abs(np.unwrap(np.angle(np.exp(1j * image)), axis=1) - image)
    assert by_rows[20:40, 30:].min() > 6 and error[:, 35:].max() < 1.5 and np.mean(error > 1.5) < 0.08


def test_what_was_not_seen_goes_on_as_its_neighbours_end():
    """A round field with rubbish around it; the sample stands inside"""
    y, x = np.indices((60, 70)) - np.array([30, 35])[:, None, None]
    seen, true = np.hypot(y, x) < 29, 8 * np.exp(-(x**2 + y**2) / 60)
    phase = np.where(
        seen, true + 0.03 * x - 0.02 * y + 1, np.random.default_rng(0).uniform(-3, 3, seen.shape)
    )
    lines = phase_lines(np.exp(1j * phase), seen)
    assert np.abs(lines - true)[seen].max() < 0.05 and np.abs(lines[~seen]).max() < 0.6


def test_attenuation_counts_from_the_air():
    image = np.full((20, 40), 3.0 + 0j)
    image[:, 15:25] *= np.exp(-0.5)
    lines = attenuation_lines(image, np.ones((20, 40), bool))
    assert np.allclose(lines[:, 15:25], 1.0) and np.allclose(lines[:, :15], 0, atol=1e-12)


def test_air_is_at_the_ends_of_long_rows():
    seen = np.zeros((4, 50), bool)
    seen[0, 20:30], seen[1:3, 5:45] = True, True
    at = air(seen)
    assert not at[0].any() and not at[3].any() and at[1].nonzero()[0].tolist() == [5, 6, 7, 42, 43, 44]


# the filter -i sign(q) / (2 pi) of the derivative, exact for differences: ramp / (exp(2 pi i q) - 1)
def test_the_ramp_filter_of_the_lines_is_the_hilbert_filter_of_wrapped_differences():
    row = 12 * np.exp(-((np.arange(64) - 30.0) ** 2) / 50)[None]
    steps = wrapped(np.diff(wrapped(row), append=0))
    transfer = ramp(64)
    size = 2 * (len(transfer) - 1)
    q = np.arange(len(transfer)) / size
    hilbert = np.divide(transfer, np.exp(2j * np.pi * q) - 1, where=q > 0, out=np.zeros(len(q), complex))
    seen = np.fft.irfft(np.fft.rfft(steps, size) * hilbert, size)[:, :64]
    lines = phase_lines(np.exp(1j * np.tile(row, (8, 1))), np.ones((8, 64), bool))
    filtered = np.fft.irfft(np.fft.rfft(lines[0], size) * transfer, size)[:64]
    assert np.allclose(filtered, seen[0], atol=0.02)
    assert wrapped(7.0) == pytest.approx(7 - 2 * np.pi)
