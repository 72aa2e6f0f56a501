"""The simulated detector: counts have the mean and the noise that they should."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from nanompi.methods.tomo.light import Light
from nanompi.methods.tomo.phantom import disc
from nanompi.methods.tomo.read.flaws import Flaws
from nanompi.methods.tomo.read.scene import (
    DARK,
    FLAT,
    PEDESTAL,
    PROJECTION,
    Scene,
    SimulatedImages,
    SimulatedSlices,
)
from nanompi.methods.tomo.read.simulate import SimulateTomogram, TomogramSimulation
from tests.methods.tomo.files import COLUMNS, ROWS, scene
from tests.methods.tomo.test_light import seen_by

ANGLES = np.arange(40) * 0.07


def read(kind, noise=True, index=range(40), threads=1):
    return SimulatedImages(scene(noise), kind, ANGLES).read(list(index), threads)


def test_without_noise_the_transmission_is_that_of_the_phantom():
    """-log T are the line integrals, to single precision of the counts"""
    light = Light.of(read(FLAT, noise=False)[0].astype(float), read(DARK, noise=False)[0].astype(float))
    frames = read(PROJECTION, noise=False)
    lines = -np.log(seen_by(light, frames))
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


def flawed(**values) -> Scene:
    return replace(scene(noise=False), photons=1e4, flaws=Flaws(**values))


def lines_of(s: Scene, angles=ANGLES) -> np.ndarray:
    """Line integrals by the beam and dark of the scene itself"""
    frames = SimulatedImages(s, PROJECTION, angles).read(np.arange(len(angles)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.log((frames - s.dark()) / s.beam())


def test_stripes_are_constant_along_the_angle_and_flats_do_not_have_them():
    difference = lines_of(flawed(stripes=0.01)) - lines_of(flawed())
    assert abs(difference - difference[0]).max() < 1e-5
    gain = flawed(stripes=0.01).flaws.gain(COLUMNS, 5)
    assert difference[0, 0] == pytest.approx(-np.log(gain), abs=1e-5) and 0.005 < (gain - 1).std() < 0.04
    assert np.array_equal(flawed(stripes=0.01).beam(), flawed().beam())


def test_dead_pixels_see_the_dark_alone():
    s = flawed(dead=0.1)
    frames = SimulatedImages(s, PROJECTION, ANGLES).read([0, 5])
    dead = s.beam() == 0
    assert 0 < dead.sum() < 0.3 * dead.size
    assert np.allclose(frames[:, dead], s.dark()[dead]) and (frames[:, ~dead] > s.dark()[~dead] + 1000).all()


def test_zingers_are_few_bright_and_of_one_image_each():
    images = [SimulatedImages(flawed(zingers=z), PROJECTION, ANGLES).read(range(40)) for z in (0.01, 0)]
    added = images[0] - images[1]
    hit = added != 0
    assert hit.mean() == pytest.approx(0.01, abs=5 * np.sqrt(0.01 / hit.size))
    assert added[hit].min() > 2.9e4 and hit.any((1, 2)).sum() > 10


def test_the_beam_drifts_linearly_between_the_flats_before_and_after():
    s = flawed(drift=0.2)
    flats = SimulatedImages(s, FLAT, np.zeros(5)).read(range(5)) - s.dark()
    assert np.array_equal(flats[0], flats[2]) and np.array_equal(flats[3], flats[4])
    assert flats[0] == pytest.approx(flawed().beam(), rel=1e-5)
    assert 0.7 < flats[4].sum() / flats[0].sum() < 0.85
    middle = SimulatedImages(replace(s, phantom=disc(1, 0)), PROJECTION, np.zeros(3)).read([1])[0] - s.dark()
    assert middle == pytest.approx((flats[0] + flats[4]) / 2, rel=1e-4)


def test_a_wide_sample_and_an_axis_near_one_side():
    """Over a full turn each ray of it is seen: once at t, once at -t of the opposite direction"""
    s = TomogramSimulation(sample=1.5, size=64, centre=10.0, rows=1, noise=False).scene()
    wide = replace(s, shape=(1, 107), centre=53.0)
    for angle in (0.3, 2.0):
        one, other = lines_of(s, [angle, angle + np.pi])[:, 0]
        assert lines_of(wide, [angle])[0, 0, 43:] == pytest.approx(one, abs=1e-5)
        assert lines_of(wide, [angle])[0, 0, :64] == pytest.approx(other[::-1], abs=1e-5)
    truth = SimulatedSlices(s, 1e-6)
    assert truth.of_size(107).shape == (1, 107, 107)
    assert np.array_equal(truth.of_size(108).read([0])[0, 22:86, 22:86], truth.read([0])[0])


def test_phase_contrast_keeps_the_counts_and_brightens_edges():
    """Propagation is unitary; far from edges nothing changes, and over no distance nothing at all"""
    own = {"size": 64, "rows": 4, "noise": False, "pixel": 1e-6, "distance": 0.05, "delta_beta": 50}
    bright = replace(TomogramSimulation(**own).scene(), phantom=disc(20, 0.0375))
    plain, seen = replace(bright, contrast=None).transmission(0.4), bright.transmission(0.4)
    assert seen.max() > 1.1 and plain.max() <= 1
    assert seen.sum() == pytest.approx(plain.sum(), rel=1e-3)
    assert abs(seen[:, 0] - 1).max() < 0.02 and abs(seen - plain)[:, 28:36].max() < 0.02
    flat = replace(bright.contrast, distance=0.0)
    assert flat.intensity(bright.phantom, 0.4, (4, 64), 31.5) == pytest.approx(plain)


def test_a_jitter_moves_each_projection_by_its_own():
    """Down and to the right, as data.beside["jitter"] says: the centre of mass of each row moves so"""
    own = {"size": 48, "rows": 9, "noise": False, "angles": 30}
    data = SimulateTomogram(simulate=TomogramSimulation(**own, jitter=2)).open("", None)["data"]
    moves, still = data.beside["jitter"], TomogramSimulation(**own).scene()
    assert moves.shape == (30, 2) and 1.5 < moves.std() < 2.5
    shaken = lines_of(data.source.scene, data.source.angles)
    x = np.arange(48)
    for i in (0, 7, 29):
        mass = (shaken[i] * x).sum(1) / shaken[i].sum(1)
        moved = replace(still.phantom, z=still.phantom.z + moves[i, 0])
        true = moved.projection(data.source.angles[i], 9, 48, 23.5)
        assert mass == pytest.approx((true * x).sum(1) / true.sum(1) + moves[i, 1], abs=2e-3)
