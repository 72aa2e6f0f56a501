"""The simulated detector: counts have the mean and the noise that they should."""

import pickle

import numpy as np
import pytest

from nanompi.methods.tomo.light import Light
from nanompi.methods.tomo.read.scene import DARK, FLAT, PEDESTAL, PROJECTION, SimulatedImages, SimulatedSlices
from tests.methods.tomo.files import COLUMNS, ROWS, scene

ANGLES = np.arange(40) * 0.07


def read(kind, noise=True, index=range(40), threads=1):
    return SimulatedImages(scene(noise), kind, ANGLES).read(list(index), threads)


def test_without_noise_the_transmission_is_that_of_the_phantom():
    """-log T are the line integrals, to single precision of the counts"""
    light = Light.of(read(FLAT, noise=False)[0].astype(float), read(DARK, noise=False)[0].astype(float))
    lines = -np.log(light.transmission(read(PROJECTION, noise=False)))
    true = np.stack([scene().phantom.projection(a, ROWS, COLUMNS, 11.0) for a in ANGLES])
    assert abs(lines - true).max() < 1e-5 and true.max() > 0.5


def test_the_noise_is_that_of_counts():
    """40 flats of 72 pixels: the mean to 5 sigma, and variance = mean (Fano factor 1 +- 5 sqrt(2 / n))"""
    flats, dark = read(FLAT).astype(float), read(DARK).astype(float)
    mean = scene().beam() + scene().dark()
    assert flats.mean() == pytest.approx(mean.mean(), abs=5 * np.sqrt(mean.mean() / flats.size))
    fano = (flats - mean) ** 2 / mean
    assert fano.mean() == pytest.approx(1, abs=5 * np.sqrt(2 / flats.size))
    assert PEDESTAL < dark.mean() < PEDESTAL + 10 and scene().beam().mean() == pytest.approx(2e3)


def test_the_truth_is_a_source_of_slices_per_metre():
    slices = SimulatedSlices(scene(), pixel=2e-6)
    assert slices.shape == (ROWS, COLUMNS, COLUMNS)
    want = scene().phantom.slice(2, ROWS, COLUMNS) / 2e-6
    assert slices.read([2, 0])[0] == pytest.approx(want) and slices.read([2, 0]).dtype == np.float32


def test_any_rank_and_thread_makes_the_same_images():
    whole = read(PROJECTION)
    assert np.array_equal(read(PROJECTION, index=[7, 3, 39], threads=3), whole[[7, 3, 39]])
    there = pickle.loads(pickle.dumps(SimulatedImages(scene(), PROJECTION, ANGLES)))
    assert there.shape == (40, ROWS, COLUMNS) and np.array_equal(there.read([5]), whole[[5]])
    assert not np.array_equal(whole[0], read(FLAT)[0])
