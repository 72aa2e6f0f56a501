"""The pattern: exposures added, the centre found, the window, pixels held out, supports to begin with."""

import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.cdi.pattern import (
    cropped,
    cut_off,
    dark_centre,
    distance,
    fast,
    friedel_centre,
    held_out,
    in_fft_order,
    sum_up,
)
from nanompi.methods.cdi.simulate import PatternSimulation, mean_counts, object_of
from nanompi.methods.cdi.solutions import extent
from nanompi.methods.cdi.support import from_autocorrelation, from_file
from tests.methods.cdi.scene import pattern


def test_exposures_are_added_where_they_are_known():
    frames = np.array([[[1.0, -1, np.nan, 9]], [[3.0, 2, np.nan, 1]]])
    counts, good = sum_up(frames, 9.0, "x")
    assert counts[good].tolist() == [4.0, 4.0, 2.0]  # the second is known once of twice
    assert good.tolist() == [[True, True, False, True]]
    with pytest.raises(DataError, match="no pixel holds a count"):
        sum_up(np.full((2, 3, 3), -1.0), None, "x")


@pytest.mark.parametrize(
    "given, stop",
    [
        ({"size": 64, "shift": (3.0, -5.0)}, 0),
        ({"size": 64, "phase": 1.5, "photons": 1e5}, 0),
        ({"size": 64, "shift": (-6.0, 4.0)}, 4),
        ({"size": 32, "planes": 24, "width": 0.7}, 0),
    ],
)
def test_the_centre_is_found(given, stop):
    """Within half a pixel, also of an object that is far from real, and behind a beam stop"""
    s = PatternSimulation(**given)
    counts = np.random.default_rng(1).poisson(mean_counts(s)).astype(float)
    want = [n // 2 + by for n, by in zip(counts.shape, [0] * (counts.ndim - 2) + list(s.shift))]
    good = np.ones(counts.shape, bool)
    if stop:
        y, x = (np.arange(n) - c for n, c in zip(counts.shape, want))
        good = np.hypot(y[:, None], x) > stop
    assert np.abs(np.subtract(friedel_centre(counts * good, good), want)).max() <= 0.5
    assert not in_fft_order(counts * good, good) and not in_fft_order(counts * good, good | True)
    back = [-int(c) for c in want]
    assert in_fft_order(*(np.roll(v, back, tuple(range(v.ndim))) for v in (counts * good, good)))


@pytest.mark.parametrize("given", [{"size": 64}, {"size": 64, "phase": 3.0}, {"size": 40, "planes": 32}])
def test_a_stop_without_a_mask_is_told(given):
    """Zeros about the centre, its middle half a pixel off; none where it is masked, or nothing is amiss"""
    s = PatternSimulation(**given)
    counts = np.random.default_rng(1).poisson(mean_counts(s)).astype(float)
    good, middle = np.ones(counts.shape, bool), [n // 2 for n in counts.shape]
    assert dark_centre(counts, good, middle) is None and cut_off(counts, good) is None
    behind = distance(counts.shape, [c + 0.4 for c in middle]) <= 3.5
    found = dark_centre(counts * ~behind, good, middle)
    assert 3 <= found["radius"] <= 5 and found["paste"] == f"stop: {found['radius']} px"
    masked = distance(counts.shape, middle) > found["radius"]
    assert dark_centre(counts * ~behind, masked, middle) is None


def test_full_pixels_are_told():
    counts = np.random.default_rng(1).poisson(mean_counts(PatternSimulation(size=64))).astype(float)
    found = cut_off(np.minimum(counts, 500), np.ones(counts.shape, bool))
    assert found["paste"] == "saturated: 500" and "hold the same largest count, 500" in found["words"]


def test_the_window_is_the_largest_about_the_centre():
    counts = np.arange(40.0 * 36).reshape(40, 36)
    own, good = cropped(counts, counts >= 0, (18, 15.2), None, "x")
    assert own.shape == (36, 30) and own[0, 0] == counts[18, 15] and good.all()
    assert cropped(counts, counts >= 0, (18, 15), 20, "x")[0].shape == (20, 20)
    with pytest.raises(DataError, match="lies outside"):
        cropped(counts, counts >= 0, (50, 15), None, "x")
    with pytest.raises(DataError, match="too small"):
        cropped(counts, counts >= 0, (3, 15), None, "x")
    assert [fast(n) for n in (34, 33, 22, 128, 130)] == [32, 32, 20, 128, 128]


def test_pixels_held_out_are_islands_away_from_the_centre():
    good = np.ones((128, 128), bool)
    good[:, 40] = False
    held = held_out(good, 0.02, 1)
    assert 0.015 < held.mean() < 0.021 and not held[:, 40].any()  # islands overlap and lose the centre
    assert not np.fft.fftshift(held)[60:69, 60:69].any()
    assert not held_out(good, 0.0, 1).any()


def test_the_first_support_holds_the_object_twice_over():
    """The autocorrelation of the object, whose own support has 0.075 of the pixels; with a beam stop too"""
    for stop in (0, 3):
        made, truth = pattern(size=64, stop=stop, photons=1e7)
        S0 = from_autocorrelation(made, 0.04) != 0
        there = np.abs(truth) > 0.05 * np.abs(truth).max()
        centre = np.roll(there, [-s for s in _middle(there)], (0, 1))
        assert (S0 | ~centre).mean() > 0.98 and S0.mean() < 6 * there.mean()
        assert np.array_equal(S0, np.roll(S0[::-1, ::-1], 1, (0, 1)))


def _middle(there):
    from nanompi.methods.cdi.solutions import centred

    return [-s for s in centred(there.astype(float))]


def test_a_support_from_a_file(tmp_path):
    S = np.zeros((8, 10))
    S[2:5, 3:6] = 1
    np.save(tmp_path / "s.npy", S)
    found = np.fft.fftshift(from_file(str(tmp_path / "s.npy"), "support", (16, 16)))
    assert found.sum() == 9 and found[6:9, 6:9].all()
    with pytest.raises(DataError, match="does not fit"):
        from_file(str(tmp_path / "s.npy"), "support", (6, 16))
    np.save(tmp_path / "none.npy", np.zeros((8, 8)))
    with pytest.raises(DataError, match="empty"):
        from_file(str(tmp_path / "none.npy"), "support", (16, 16))
    (tmp_path / "s.txt").write_text("1 2")
    with pytest.raises(DataError, match="HDF5 file or an array of NumPy"):
        from_file(str(tmp_path / "s.txt"), "support", (16, 16))


def test_the_simulation_has_all_photons_and_its_object():
    s = PatternSimulation(size=48, photons=1e5, phase=0.8)
    mean, wave = mean_counts(s), object_of(s)
    assert mean.sum() == pytest.approx(1e5) and (np.abs(wave) ** 2).sum() == pytest.approx(1e5, rel=1e-5)
    assert np.abs(np.fft.fftn(np.fft.ifftshift(wave)))[0, 0] ** 2 / wave.size == pytest.approx(mean[24, 24])
    assert max(extent(np.abs(wave) > 0)) < 24  # sampled more than twice
    assert np.angle(wave[np.abs(wave) > 0]).max() <= 0  # matter lowers the phase
