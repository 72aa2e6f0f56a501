"""`map.align` on stacks that drift as is known exactly."""

import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.maps.align import Align, common, over_the_first
from nanompi.methods.maps.xanes.simulate import SimulateStack, StackSimulation
from nanompi.mpi.team import Team
from nanompi.optics.shifts import Way, path, shift, spectrum, window
from nanompi.run.result import Result
from tests import walking

TEAM = Team(alone=True)


def stack(counts=3000.0, drift=0.4, noise=True, energies=24, size=48):
    """(energy, y, x) absorption, and the drift"""
    own = StackSimulation(energies=energies, size=size, counts=counts, drift=drift, noise=noise)
    data = SimulateStack(simulate=own).open("", None)["data"]
    images = data.source.read(np.arange(energies)).astype(float)
    return -np.log(np.maximum(images, 0.5) / data.beside["i0"][:, None, None]), data.beside["drift"], data


def run_of(values, data=None, **own):
    more = (
        {"coords": data.coords, "beside": data.beside}
        if data
        else {"coords": {"energy": (np.arange(len(values)), "eV")}}
    )
    run = walking.run_of(TEAM, data=walking.spread(TEAM, values, "energy y x", "energy", **more))
    run.made, run.warn, run.result = {}, run.say, Result()
    run.clock.tick = lambda: None
    Align(**own).run(run)
    return run


def test_the_drift_is_found_and_taken_away():
    """Without noise to 0.06 px about the mean; the images then lie on the first to 5 % of their contrast"""
    values, drift, data = stack(noise=False)
    run = run_of(values, data)
    found = run.result.arrays["alignment/shifts"][0]
    off = found - drift
    assert np.sqrt(((off - off.mean(0)) ** 2).mean()) < 0.075
    got = run.data["data"]
    still = stack(noise=False, drift=0.0)[0][(slice(None), *common(found, values.shape[1:]))]
    assert got.shape == still.shape and len(got.coords["y"][0]) == still.shape[1]
    assert np.sqrt(((got.values - still) ** 2).mean()) < 0.07 * still.std()
    assert got.beside["amounts"]["reduced"].shape == still.shape[1:]


def test_noise_is_told():
    """At 15 counts the pairs miss by more than half a pixel: doubtful, and the images are named"""
    values, _, data = stack(counts=15.0)
    run = run_of(values, data)
    verdict = run.result.notes["verdict"]["steps"]["map.align"]
    assert verdict["grade"] == "doubtful" and "images miss the others" in verdict["words"]
    assert "smoothed by" in run.result.notes["maps"]["align"]["way"]


def test_a_stack_that_stands_still_stays_as_it_is():
    values, _, data = stack(drift=0.0, counts=1e5)
    run = run_of(values, data)
    assert np.array_equal(run.data["data"].values, values) and not run.result.notes["maps"]["align"]["moved"]


def test_spikes_do_not_ring_and_stay_out_of_their_neighbours():
    """A spike of 100 times the noise in one image, a hole of no number: beside them nothing changes"""
    rng = np.random.default_rng(0)
    image, others = rng.normal(0, 1, (30, 30)), list(rng.normal(0, 1, (2, 30, 30)))
    spoilt = image.copy()
    spoilt[10, 12], spoilt[20, 5] = 100.0, np.nan
    place = np.array([0.4, -0.3])
    plain, _ = over_the_first(image, place, others, True)
    got, count = over_the_first(spoilt, place, others, True)
    assert count == 1 and np.abs(got[9:12, 11:14]).max() < 6
    assert np.isnan(got).sum() in (1, 2, 3, 4) and np.isnan(got[19:22, 4:7]).any()
    away = np.ones((30, 30), bool)
    away[4:17, 6:19] = away[14:27, :12] = False
    assert np.abs(got - plain)[away].max() < 0.01


def test_a_grain_that_is_in_all_images_is_no_spike():
    rng = np.random.default_rng(0)
    image = rng.normal(0, 1, (30, 30))
    image[10, 12] = 100.0
    _, count = over_the_first(image, np.array([0.4, -0.3]), [image.copy(), image.copy()], True)
    assert count == 0


def test_images_that_have_nothing_in_common():
    with pytest.raises(DataError, match=r"moves by 60\.0 px down .* less than 8 are in all images"):
        common(np.array([[0.0, 0], [60, 0]]), (64, 64))


def test_a_pair():
    """A shift of parts of a pixel of a smooth image, by Fourier's theorem: found to a tenth"""
    rng = np.random.default_rng(1)
    from scipy.ndimage import fourier_shift, gaussian_filter

    wide = gaussian_filter(rng.normal(size=(96, 80)), 1.5)
    other = np.fft.ifft2(fourier_shift(np.fft.fft2(wide), (3.24, -1.46))).real[16:-16, 16:-16]
    image = wide[16:-16, 16:-16]
    soft = window(image.shape)
    for way in (Way(), Way(1.0)):
        found = shift(spectrum(image, soft), spectrum(other, soft), image.shape, way, 50)
        assert found == pytest.approx([3.24, -1.46], abs=0.1)


def test_a_pair_of_which_most_frequencies_are_noise():
    """Structures of 3 px with noise of 7 % of the contrast, 128 x 128 px: 0.51 px rms where all frequencies
    count alike, 0.098 where those do that the images share"""
    from scipy.ndimage import fourier_shift, gaussian_filter

    rng = np.random.default_rng(1)
    image = gaussian_filter(rng.normal(size=(128, 128)), 3, mode="wrap")
    wave, soft = np.fft.fft2(image / image.std()), window(image.shape)
    places = rng.normal(0, 0.6, (6, 2))
    noisy = [np.fft.ifft2(fourier_shift(wave, by)).real + rng.normal(0, 0.07, image.shape) for by in places]
    waves = [spectrum(one, soft) for one in noisy]
    off = [shift(waves[0], waves[k], image.shape, Way(), 50) - places[k] + places[0] for k in range(1, 6)]
    assert np.sqrt(np.square(off).mean()) < 0.15


def test_the_path_does_not_follow_pairs_that_are_wrong():
    """A tenth of the pairs off by 20 px: the path is right to 0.03 px, three times the noise of the others"""
    rng = np.random.default_rng(2)
    true = np.cumsum(rng.normal(0, 1, (40, 2)), 0)
    true -= true[0]
    pairs = np.array([(a, a + lag) for lag in (1, 2, 3, 5, 8, 13) for a in range(40 - lag)])
    shifts = true[pairs[:, 1]] - true[pairs[:, 0]] + rng.normal(0, 0.01, (len(pairs), 2))
    shifts[rng.random(len(pairs)) < 0.1] += 20
    found = path(40, pairs, shifts)
    assert np.abs(found.places - true).max() < 0.03 and found.rms < 0.05


@pytest.mark.real
@pytest.mark.slow
def test_a_measured_stack_with_a_known_drift(shared_data):
    """S4 with a drift of its own: rms over all images 0.013, 0.065 and 0.26 px at 3000, 60 and 15 counts"""
    import h5py
    from scipy.ndimage import fourier_shift

    with h5py.File(shared_data("S4_xanes_fe_l3_als") / "als_11022_71214078_fe_l3_stack.h5") as f:
        I, i0 = f["entry/intensity"][::3].astype(float), f["entry/i0"][::3]
    n, rng = len(I), np.random.default_rng(3)
    drift = np.cumsum(rng.normal(0, 0.4, (n, 2)), 0) + np.linspace(0, 4, n)[:, None] * [1, -0.5]
    drift -= drift[0]
    wide = [np.fft.fft2(np.pad(image, 16, mode="edge")) for image in I]
    moved = [np.fft.ifft2(fourier_shift(one, by)).real[16:-16, 16:-16] for one, by in zip(wide, drift)]
    light = np.maximum(np.array(moved) / i0[:, None, None], 0)
    light /= light.max()
    for counts, most in ((3000, 0.03), (60, 0.1), (15, 0.6)):
        values = -np.log(np.maximum(rng.poisson(light * counts), 0.5) / counts).astype(np.float32)
        found = run_of(values).result.arrays["alignment/shifts"][0]
        off = found - drift
        assert np.sqrt(((off - off.mean(0)) ** 2).mean()) < most, counts
