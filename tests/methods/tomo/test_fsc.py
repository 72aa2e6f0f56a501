"""Fourier shell correlation of halves of the projections."""

import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.tomo.fsc import Fsc, shell_sums
from nanompi.mpi.team import Team
from tests.methods.tomo.shaken import Shaken, run_of

ALONE = Team(alone=True)


def curve(folder, values, angles, **facts):
    """(frequency, correlation, notes) of some projections"""
    run = run_of(ALONE, folder, values, angles, facts=facts)
    Fsc().run(run)
    signal = run.result.signals["fsc"]
    assert np.array_equal(run.data["data"].values.shape, values.shape)
    return signal.axes["frequency"][0], signal.data[0], run.result.notes["tomo"]["fsc"]


def test_shells_count_all_voxels_and_correlate_with_themselves():
    rng = np.random.default_rng(1)
    A = np.fft.fftn(rng.normal(size=(12, 16, 16)))
    cross, aa, bb, count = shell_sums(A, 2 * A, np.arange(16), 16)
    assert cross == pytest.approx(2 * aa) and bb == pytest.approx(4 * aa)
    q = np.sqrt(sum(np.meshgrid(*(np.fft.fftfreq(n) ** 2 for n in A.shape), indexing="ij")))
    assert np.array_equal(count, [np.sum(np.rint(q * 16) == k) for k in range(1, 9)])
    parts = [shell_sums(A[:, r], 2 * A[:, r], r, 16) for r in np.array_split(np.arange(16), 3)]
    assert sum(parts) == pytest.approx(np.stack([cross, aa, bb, count]))


def test_noise_alone_does_not_correlate(tmp_path):
    """The correlation of shells of n voxels is 0 to 1 / sqrt(n / 1.5^3), and far below half a bit"""
    angles = np.arange(40) * np.pi / 40
    noise = np.random.default_rng(2).normal(size=(40, 32, 48)).astype(np.float32)
    _, value, notes = curve(tmp_path, noise, angles)
    assert np.abs(value[3:]).max() < 0.2 and notes["half_bit_px"] > 5


def test_more_noise_resolves_less(tmp_path):
    """Soft balls without noise are the same in both halves; with it, to a lower frequency the more there is,
    which 1/7 tells, too"""
    scene, found = Shaken.of(48, 60, 3, jitter=0, balls=20), []
    for noise in (0.0, 0.5, 2.0):
        values = scene.lines + np.random.default_rng(0).normal(0, noise, scene.lines.shape)
        frequency, value, notes = curve(tmp_path, values.astype(np.float32), scene.angles, pixel=1e-8)
        assert value[frequency < 0.08].min() > 0.95
        assert notes["half_bit_nm"] == pytest.approx(10 * notes["half_bit_px"])
        assert notes["seventh_px"] <= notes["half_bit_px"]
        found.append(notes["half_bit_px"])
    assert found[0] == 1 and found[1] > 1.4 and found[2] > 1.3 * found[1], found


def test_what_is_no_tomogram_is_refused(tmp_path):
    scene = Shaken.of(40, 6, 3, jitter=0, balls=5)
    with pytest.raises(DataError, match="6 projections are too few for halves; 8"):
        curve(tmp_path, scene.lines, scene.angles)
    with pytest.raises(DataError, match="hold no square of 16 px"):
        curve(tmp_path, np.zeros((9, 4, 20)), np.arange(9) / 3)
    run = run_of(ALONE, tmp_path, scene.lines, scene.angles)
    run.data["data"].axes = ("z", "y", "x")
    with pytest.raises(DataError, match="before `tomo`"):
        Fsc().run(run)
