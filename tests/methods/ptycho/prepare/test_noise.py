"""The scale of intensities is found: counts, counts times a factor, a camera, or no counting noise at all."""

import numpy as np
import pytest
from scipy import ndimage

from nanompi.errors import DataError
from nanompi.methods.ptycho.prepare.noise import Moments, gain_seen, step_of
from nanompi.methods.ptycho.prepare.step import Prepare
from nanompi.methods.ptycho.read.simulate import Simulate, Simulation
from nanompi.mpi.team import Team
from nanompi.run.reading import Input
from tests.memory import run_of, scan_of

PHOTONS = (5e2, 3e4, 1e6)  # 0.1, 7 and 240 counts a pixel
NUMBER = 60


def simulated(photons=3e4, noise=True) -> np.ndarray:
    """(60, 64, 64) counts of a scan, or its exact intensities"""
    given = Simulation(size=64, frames=NUMBER, photons=photons, noise=noise)
    return Simulate(simulate=given).open("", Input()).source.read(np.arange(NUMBER))


@pytest.fixture(scope="module", params=PHOTONS)
def counts(request):
    return simulated(request.param)


def prepared(frames, **given):
    """(frames as prepared, the log)"""
    run = run_of(Team(), scan_of(frames, **given))
    Prepare(centre="middle", split="in order").run(run)
    return run.data["frames"], run.made["log"]


def octaves(frames):
    moments = Moments(frames.shape[1:])
    moments.add(frames, None, len(frames))
    return moments.octaves(np.ones(frames.shape[1:], bool))


SCALED = {
    "whole as float": lambda a: a.astype(np.float32),
    "maximum 1": lambda a: (a / a.max()).astype(np.float32),
    "sum 1": lambda a: (a / a.sum((1, 2)).mean()).astype(np.float32),
    "milli": lambda a: a * 1e-3,
    "x 37": lambda a: a.astype(np.uint32) * 37,
    "mean of ten": lambda a: (a / 10).astype(np.float32),
}


@pytest.mark.parametrize("name", SCALED)
def test_counts_times_any_factor_become_the_same_counts(counts, name):
    """To the bit, and stored as 2 bytes: the values have a common step"""
    want, log = prepared(counts)
    assert want.gain == 1 and want.noise == "counts" and not any("intensities" in line for line in log)
    found, log = prepared(SCALED[name](counts))
    assert found.counts.dtype == np.uint16 and np.array_equal(found.counts, want.counts)
    assert found.noise == "counts" and found.preparation["noise"]["gain"] == found.gain
    assert name == "whole as float" or any(line.startswith("intensities: they are mult") for line in log)


def test_a_camera_with_offset_noise_is_known_by_its_noise(counts):
    """52.3 units a photon, read-out noise of 4: the gain to 1 %, although all values are whole numbers"""
    noise = np.random.default_rng(0).normal(0, 4, counts.shape)
    frames = np.maximum(np.rint(counts * 52.3 + noise), 0).astype(np.uint32)
    found, log = prepared(frames)
    assert found.gain == pytest.approx(52.3, rel=0.01) and found.noise == "counts"
    assert found.counts.dtype == np.float32
    assert found.counts.sum() == pytest.approx(counts.sum() + 1.6 / 52.3 * counts.size, rel=0.02)
    assert any("their noise is that of counts with 52" in line for line in log)


def test_counts_divided_by_a_flat_field_stay_counts(counts):
    """No step any more, but still the noise of counts: within 15 % of 1 nothing is divided"""
    flat = np.random.default_rng(0).uniform(0.9, 1.1, counts.shape[1:])
    found, _ = prepared((counts * flat).astype(np.float32))
    assert (found.gain, found.noise) == (1, "counts")


@pytest.mark.parametrize("photons", PHOTONS)
@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_exact_intensities_have_no_counting_noise(photons, scale):
    exact = simulated(photons, noise=False).astype(np.float64) * scale
    found, log = prepared(exact)
    assert found.noise == "none" and found.counts.mean() == pytest.approx(1000, rel=0.01)
    assert any("no counting noise" in line and "ranked by R" in line for line in log)


@pytest.mark.parametrize("photons", PHOTONS[1:])
def test_exact_intensities_in_whole_numbers(photons):
    """They stay as they are, but R ranks them"""
    exact = np.rint(simulated(photons, noise=False)).astype(np.uint32)
    found, _ = prepared(exact)
    assert (found.noise, found.gain, found.counts.dtype) == ("smooth", 1, np.uint16)


def test_photons_shared_by_neighbours_are_counts():
    """Each photon also counts in a neighbour by chance (neighbours correlated by 0.33): still counts"""
    rng, counts = np.random.default_rng(0), simulated(1e6).astype(int)
    shared = counts.copy()
    for step in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        shared += np.roll(rng.binomial(counts, 0.5), step, (1, 2))
    found, _ = prepared(shared)
    assert (found.gain, found.noise, found.counts.dtype) == (1, "counts", np.uint16)
    blurred = np.rint(ndimage.gaussian_filter(counts.astype(float), (0, 0.6, 0.6))).astype(int)
    assert prepared(blurred)[0].gain == 1


def test_bright_counts_without_visible_noise_stay_counts():
    """1e9 photons: the structure hides the noise, and nothing says that whole numbers are anything else"""
    found, _ = prepared(simulated(1e9))
    assert (found.gain, found.noise) == (1, "counts")


TRANSFORMED = {
    "square roots of counts": np.sqrt,
    r"log\(1 \+ counts\)": np.log1p,
    r"log10\(1 \+ counts\)": lambda a: np.log10(1 + a),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_amplitudes_and_logarithms_are_refused(counts, name):
    with pytest.raises(DataError, match=f"hold {name}"):
        prepared(TRANSFORMED[name](counts.astype(np.float64)).astype(np.float32))


def test_a_given_gain_wins(counts):
    found, log = prepared(counts * 2.0, gain=2.0)
    assert found.gain == 2 and np.array_equal(found.counts, np.fft.ifftshift(counts, axes=(1, 2)))
    assert "intensities: counts = stored value / 2, as input.gain says" in log
    _, log = prepared(counts, gain=50.0)
    assert any("their noise looks like that of counts with" in line for line in log)


def test_the_gain_is_that_of_the_noise():
    """F is the gain in each octave, from 0.01 to 100 counts a pixel, within 10 %"""
    found = octaves(simulated(3e4))
    assert len(found) > 10 and np.allclose([F for _, F, _ in found], 1, atol=0.1)
    assert gain_seen(found) == pytest.approx(1, rel=0.03)
    assert gain_seen(octaves(simulated(3e4, noise=False))) is None


def test_missing_values_and_masked_pixels_do_not_count():
    frames = simulated(3e4).astype(np.float32) * 0.25
    frames[:, 30:33] = np.nan
    frames[7, 3, 3] = -1
    frames[:, 50, 50] = 1e6
    good = np.ones(frames.shape[1:], bool)
    good[50, 50] = False
    found, _ = prepared(frames, mask=good)
    assert found.gain == pytest.approx(0.25, rel=1e-6)
    assert (found.counts[:, found.mask] == -1).sum() == 1


def test_steps():
    assert step_of(np.array([6, 15, 21, 9])) == 3 and step_of(np.array([5, 5])) == 1
    assert step_of(np.array([0.2, 0.5, 0.1, 12.3], np.float32)) == pytest.approx(0.1)
    assert step_of(np.array([0.2, 0.5, 0.1, 0.1234])) is None
    assert step_of(np.random.default_rng(0).random(1000)) is None
    assert step_of(np.zeros(0)) == 1  # nothing says otherwise
