"""Two results, or a result and its truth, in numbers."""

import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.ptycho.compare import compare, measures
from nanompi.run.writers.nexus import write


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
    assert found["agreement_nm"] == {"half": 20, "half_bit": 20}  # the pixel
    assert "not a resolution" in found["note"] and "resolution_nm" not in found
    assert found["to_pixel"] == ["half", "half_bit"]
    assert found["words"][3] == "agreement at least 20 nm, which is the pixel"


@pytest.mark.slow
def test_what_a_picture_shows_is_aligned(tmp_path, star, star_result):
    write(star_result(noisy(star, 0.03)), tmp_path / "result.h5")
    shown = {}
    found = compare(str(tmp_path / "result.h5"), "truth", shown)
    assert list(shown) == ["a", "b", "difference", "frc"]
    assert found["words"][0] == f"phase error {found['phase_rmse']:.3g} rad rms"
    seen = shown["difference"].seen > 0
    rms = np.sqrt((shown["difference"].data[seen] ** 2).mean())
    assert rms == pytest.approx(found["phase_rmse"], rel=1e-3)
    assert shown["a"].data.shape == shown["b"].data.shape == seen.shape


@pytest.mark.slow
def test_two_noisy_results_differ_by_both_noises_and_resolve_less(tmp_path, star, star_result):
    write(star_result(noisy(star, 0.15, seed=1)), tmp_path / "a.h5")
    still = star.truth * np.exp(1j * np.random.default_rng(2).normal(0, 0.2, star.truth.shape))
    other = star_result(still)  # of other frames: moved by half a pixel against the first scan
    other.arrays["positions/measured"] = ((star.corners + 0.5) * star.pixel, {"units": "m"})
    write(other, tmp_path / "b.h5")
    found = compare(str(tmp_path / "a.h5"), str(tmp_path / "b.h5"))
    assert found["phase_rmse"] == pytest.approx(0.25, rel=0.02) and "note" not in found
    assert 20 <= found["resolution_nm"]["half_bit"] < found["resolution_nm"]["half"] < 60
    half, bit = found["resolution_nm"]["half"], found["resolution_nm"]["half_bit"]
    words = (
        f"resolution {bit:.3g} nm where the FRC falls below half a bit, {half:.3g} nm where it falls below"
    )
    assert found["words"][3] == f"{words} 0.5"
    assert len(found["frc"]["frequency"]) == len(found["frc"]["value"]) == len(found["frc"]["half_bit"])
    assert max(found["frc"]["frequency"]) == pytest.approx(1 / 40e-9)


@pytest.mark.slow
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
    other.arrays["positions/corners"] = star.corners * 1j
    write(other, tmp_path / "c.h5")
    with pytest.raises(DataError, match=r"positions/corners is complex128 .* real numbers in 2 dimensions"):
        compare(str(tmp_path / "c.h5"), str(tmp_path / "a.h5"))


def test_measures_do_not_mind_phase_wraps():
    rng = np.random.default_rng(0)
    phase = rng.uniform(-np.pi, np.pi, (100, 100))
    error = rng.normal(0, 0.2, (100, 100))
    found = measures(np.exp(1j * (phase + error + 3.1)), np.exp(1j * phase), np.ones((100, 100), bool))
    assert found["phase_rmse"] == pytest.approx(error.std(), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mark", "moved", "same"),
    [
        (("one", "one"), 0.0, True),
        ((None, None), 0.0, True),  # an older result: its places tell
        (("one", "two"), 0.0, False),  # the same raster twice
        (("one", "one"), 0.5, False),  # two halves of one scan
    ],
)
def test_the_same_frames_give_no_resolution(tmp_path, star, star_result, mark, moved, same):
    for name, fingerprint, move in zip("ab", mark, (0.0, moved)):
        result = star_result(noisy(star, 0.1))
        result.arrays["positions/measured"] = ((star.corners + move) * star.pixel, {"units": "m"})
        if fingerprint:
            result.notes["frames"] = {"fingerprint": fingerprint}
        write(result, tmp_path / f"{name}.h5")
    found = compare(str(tmp_path / "a.h5"), str(tmp_path / "b.h5"))
    assert ("agreement_nm" in found) == same and ("resolution_nm" in found) != same
    assert found.get("note", "").endswith("not a resolution") == same


def smooth(y, x):
    """(H, W) complex64 at rows y and columns x, a sum of waves up to 0.9 rad per pixel."""
    waves = np.random.default_rng(4).uniform(-0.9, 0.9, (12, 3))
    phase = sum(np.sin(a * y[:, None] + b * x + c) for a, b, c in waves)
    return np.exp(0.15j * phase).astype(np.complex64)


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [(4 / 3, 4 / 3), (0.8, 1.25)])
def test_the_truth_is_resampled_to_the_pixel_of_the_result(tmp_path, star, star_result, ratio):
    """A window of 48 of 64 pixels: taken pixel by pixel the truth was off by 0.15 rad and more"""
    ratio, frame = np.array(ratio), np.array([48, 48])
    shape = tuple(int(n) for n in 250 / ratio)
    result = star_result(star.truth)
    start = 32 - 24 * ratio + [0.3, -0.6]  # where object pixel (0, 0) of the result lies in the truth
    y, x = (a + r * np.arange(n) for a, r, n in zip(start, ratio, shape))
    corners = (star.corners + 32 - start) / ratio - frame // 2
    lit = np.zeros(shape, np.float32)
    lit[30:-30, 30:-30] = 1
    result.arrays |= {
        "object/data": smooth(y, x),
        "object/weight": lit,
        "object/pixel_size": (ratio * star.pixel, {"units": "m"}),
        "probe/data": star.probe[:, 8:-8, 8:-8],
        "positions/corners": corners,
        "truth/object": smooth(np.arange(256), np.arange(256)),
        "truth/pixel_size": np.full(2, star.pixel),
        "truth/frame_shape": np.array([64, 64]),
    }
    write(result, tmp_path / "a.h5")
    found = compare(str(tmp_path / "a.h5"), "truth")
    assert found["phase_rmse"] < 1e-3 and np.abs(found["shift_px"]).max() < 0.01
    del result.arrays["truth/pixel_size"]
    write(result, tmp_path / "b.h5")
    with pytest.raises(DataError, match="the pixel of the truth is not in the file"):
        compare(str(tmp_path / "b.h5"), "truth")


def test_results_of_other_pixels_are_compared_by_their_place(tmp_path, star, star_result):
    """A copy of the object on pixels of 25 instead of 20 nm, its place told in metres"""
    for name, pixel in (("a", 1.0), ("b", 1.25)):
        shape = (round(250 / pixel),) * 2
        result = star_result(star.truth)
        lit = np.zeros(shape, np.float32)
        lit[30:-30, 30:-30] = 1
        result.arrays |= {
            "object/data": smooth(*2 * (pixel * np.arange(shape[0]),)),
            "object/weight": lit,
            "object/pixel_size": (np.full(2, pixel * star.pixel), {"units": "m"}),
            "object/corner": (np.full(2, 32 * pixel * star.pixel), {"units": "m"}),
        }
        write(result, tmp_path / f"{name}.h5")
    found = compare(str(tmp_path / "a.h5"), str(tmp_path / "b.h5"))
    assert found["phase_rmse"] < 1e-3 and np.abs(found["shift_px"]).max() < 0.01
