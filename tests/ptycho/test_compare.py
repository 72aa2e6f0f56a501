"""Two results, or a result and its truth, in numbers."""

import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.ptycho.compare import compare, measures
from nanompi.write.cxi import write


def noisy(star, rms: float, seed: int = 3) -> np.ndarray:
    """The truth with phase noise of `rms` rad, moved, tilted and scaled as a reconstruction may be."""
    phase = np.random.default_rng(seed).normal(0, rms, star.truth.shape)
    return star.moved(star.truth * np.exp(1j * phase), (1.4, -2.3), (0.0188, -0.0257), 3 * np.exp(1j))


def test_phase_rmse_against_the_truth_is_the_noise_that_was_added(tmp_path, star, star_result):
    write(star_result(noisy(star, 0.03)), tmp_path / "result.h5")
    found = compare(str(tmp_path / "result.h5"), "truth")
    assert found["phase_rmse"] == pytest.approx(
        0.03, rel=0.02
    )  # 2 % : 30,000 px, and the moving filters nothing
    assert found["nrmse"] == pytest.approx(0.03, rel=0.02)  # |exp(i d) - 1| = |d|
    assert found["phase_mad"] == pytest.approx(0.03 * 0.6745, rel=0.03)
    assert found["shift_px"] == pytest.approx([-1.4, 2.3], abs=0.01)
    assert found["ramp_rad_px"] == pytest.approx([0.0188, -0.0257], abs=1e-4)
    assert found["scale"] == pytest.approx(1 / 3, rel=1e-2)


def test_a_result_equals_itself(tmp_path, star, star_result):
    write(star_result(noisy(star, 0.1)), tmp_path / "result.h5")
    found = compare(str(tmp_path), str(tmp_path))
    assert found["phase_rmse"] < 1e-6 and found["nrmse"] < 1e-6
    assert found["resolution_nm"] == {"half": 20, "half_bit": 20}  # the pixel
    assert found["to_pixel"] == ["half", "half_bit"]


def test_two_noisy_results_differ_by_both_noises_and_resolve_less(tmp_path, star, star_result):
    write(star_result(noisy(star, 0.15, seed=1)), tmp_path / "a.h5")
    still = star.truth * np.exp(1j * np.random.default_rng(2).normal(0, 0.2, star.truth.shape))
    write(star_result(still), tmp_path / "b.h5")
    found = compare(str(tmp_path / "a.h5"), str(tmp_path / "b.h5"))
    assert found["phase_rmse"] == pytest.approx(0.25, rel=0.02)
    assert 20 <= found["resolution_nm"]["half_bit"] < found["resolution_nm"]["half"] < 60
    assert len(found["frc"]["frequency"]) == len(found["frc"]["value"]) == len(found["frc"]["half_bit"])
    assert max(found["frc"]["frequency"]) == pytest.approx(1 / 40e-9)


def test_arrays_of_other_size_are_laid_over_each_other_by_their_corners(tmp_path, star, star_result):
    write(star_result(star.truth), tmp_path / "a.h5")
    wide = star_result(star.truth)
    for name, fill in (("object/data", 1), ("object/weight", 0)):
        wide.arrays[name] = np.pad(wide.arrays[name], ((20, 7), (3, 11)), constant_values=fill)
    wide.arrays["positions/corners"] = star.corners + np.array([20, 3])
    write(wide, tmp_path / "b.h5")
    assert compare(str(tmp_path / "a.h5"), str(tmp_path / "b.h5"))["phase_rmse"] < 1e-4
    assert compare(str(tmp_path / "b.h5"), "truth")["phase_rmse"] < 1e-4


def test_what_cannot_be_compared_is_refused_with_the_reason(tmp_path, star, star_result):
    write(star_result(star.truth), tmp_path / "a.h5")
    other = star_result(star.truth)
    other.arrays["object/pixel_size"] = np.full(2, 25e-9)
    del other.arrays["truth/object"]
    write(other, tmp_path / "b.h5")
    with pytest.raises(DataError, match=r"the pixels differ: 20 nm in .*a\.h5, 25 nm in .*b\.h5"):
        compare(str(tmp_path / "a.h5"), str(tmp_path / "b.h5"))
    with pytest.raises(DataError, match=r"b\.h5: no truth is stored in it"):
        compare(str(tmp_path / "b.h5"), "truth")


def test_measures_do_not_mind_phase_wraps():
    rng = np.random.default_rng(0)
    phase = rng.uniform(-np.pi, np.pi, (100, 100))
    error = rng.normal(0, 0.2, (100, 100))
    found = measures(np.exp(1j * (phase + error + 3.1)), np.exp(1j * phase), np.ones((100, 100), bool))
    assert found["phase_rmse"] == pytest.approx(error.std(), rel=1e-6)
