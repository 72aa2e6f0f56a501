"""Masks of files: flags, NaN, one for each frame; and the saturation that a file says."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.ptycho.read.masks import good_pixels
from nanompi.methods.ptycho.read.saturation import saturation

BAD = (slice(2, 3), slice(0, 8))


def mask(value, dtype="u4", rest=0):
    out = np.full((8, 8), rest, dtype)
    out[BAD] = value
    return out


def bad(raw, where="f.cxi: /entry_1/mask", sense="auto", habit="zero"):
    notes = []
    return int((~good_pixels(raw, sense, habit, where, notes)).sum()), notes


@pytest.mark.parametrize("value", [1, 2, 128, 512, 4096, 0xFFFF, 1 | 16384, 2**32 - 1])
def test_flags_that_are_faults(value):
    for name in ("mask", "pixel_mask"):
        assert bad(mask(value), f"f.cxi: /entry_1/{name}") == (8, [])


def test_flags_that_are_no_faults_leave_a_pixel_good():
    for value in (256, 2048, 8192, 16384, 2048 | 16384):
        count, notes = bad(mask(1, rest=value))
        assert count == 8 and "56 pixels have flags that are no faults" in notes[0]
    assert bad(mask(1 << 31), "f.h5: /entry/pixel_mask")[0] == 0  # a virtual pixel
    assert bad(mask(256), "f.h5: /entry/pixel_mask")[0] == 8  # NeXus: masked by a user
    assert bad(mask(-1, "i4"))[0] == 8 and bad(mask(255, "u1"))[0] == 8


def test_nan_is_bad():
    assert bad(mask(np.nan, "f4"))[0] == 8
    assert bad(mask(np.nan, "f4", rest=1), sense="nonzero")[0] == 8


@pytest.mark.parametrize(
    ("names", "least"),
    [
        ({"saturation_value": 50000}, 50001),
        ({"bit_depth_image": 16}, 65535),
        ({"detectorSpecific/countrate_correction_count_cutoff": 126634}, 126634),
        ({"saturation_value": 50000, "bit_depth_image": 16}, 50001),
        ({"saturation_value": np.nan, "bit_depth_image": 99}, None),
        ({"saturation_value": "high"}, None),
        ({}, None),
    ],
)
def test_the_saturation_of_the_file(tmp_path, names, least):
    for group, frames in (("entry/instrument/detector", "/entry/data"), ("entry/a", "/entry/a/data")):
        with h5py.File(tmp_path / "f.h5", "w") as file:
            for name, value in names.items():
                file[f"{group}/{name}"] = value
            file.create_group(group) if group not in file else None
            notes = []
            assert saturation(file, frames, notes) == least
            assert len(notes) == (least is not None)


@pytest.mark.parametrize(
    "raw, sense, habit, where, good",
    [
        ([[0, 1], [0, 1]], "auto", "zero", "mask", [[1, 0], [1, 0]]),  # half of them bad: allowed
        ([[0, 1], [1, 1]], "auto", "zero", "mask", None),
        ([[0, 1], [1, 1]], "auto", "nonzero", "mask", [[0, 1], [1, 1]]),
        ([[0, 1], [1, 1]], "auto", "either", "mask", [[0, 1], [1, 1]]),
        ([[0, 0], [0, 1]], "auto", "either", "mask", [[1, 1], [1, 0]]),
        ([[0, 0], [1, 1]], "auto", "either", "mask", [[1, 1], [0, 0]]),  # as many of each: zero is good
        ([[0, 1], [1, 1]], "nonzero", "zero", "mask", [[0, 1], [1, 1]]),
        ([[0, 0], [0, 256]], "zero", "nonzero", "mask", [[1, 1], [1, 0]]),  # said by the user: no flags
        ([[0, 256], [1, 256]], "auto", "zero", "mask", [[1, 1], [0, 1]]),
        ([[0, 256], [1, 0]], "auto", "zero", "pixel_mask", [[1, 0], [0, 1]]),
        ([[0, 256], [1, 0]], "auto", "zero", "other", [[1, 0], [0, 1]]),
        ([[0, 1 << 16], [1, 0]], "auto", "zero", "pixel_mask", [[1, 1], [0, 1]]),
        ([[0.0, 256.0], [np.nan, 0]], "auto", "zero", "mask", [[1, 0], [0, 1]]),  # real numbers are no flags
        ([[np.nan, 0.5], [1, 1]], "auto", "nonzero", "mask", [[0, 1], [1, 1]]),
    ],
)
def test_which_value_is_good(raw, sense, habit, where, good):
    notes = []
    if good is None:
        with pytest.raises(
            DataError, match=r"3 of 4 pixels would be bad when good pixels are zero.*: nonzero`"
        ):
            good_pixels(np.array(raw), sense, habit, f"f: /{where}", notes)
        return
    assert (
        good_pixels(np.array(raw), sense, habit, f"f: /{where}", notes).tolist()
        == np.array(good, bool).tolist()
    )
    told = [n for n in notes if "good pixels are taken to be" in n]
    assert len(told) == (habit == "either") and (not told or ("nonzero (" in told[0]) == good[1][1])


@pytest.mark.parametrize("lead", [(1,), (64,), (65,), (130,), (3, 5), (2, 1, 2)])
def test_a_pixel_that_is_bad_in_any_frame_is_bad(tmp_path, lead):
    n = int(np.prod(lead))
    planes = np.zeros((n, 4, 5), "u1")
    planes[[0, n // 2, n - 1], [0, 1, 2], [1, 2, 3]] = 1
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["mask"] = planes.reshape(*lead, 4, 5)
        for raw in (file["mask"], planes.reshape(*lead, 4, 5)):
            good = good_pixels(raw, "auto", "zero", "a: /mask", [])
            assert np.array_equal(np.argwhere(~good), [[0, 1], [1, 2], [2, 3]])
        file["turned"] = 1 - planes.reshape(*lead, 4, 5)
        assert np.array_equal(good_pixels(file["turned"], "nonzero", "zero", "a: /turned", []), good)


def test_planes_and_parts_that_were_never_written(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("none", (8, 8), "u1")
        file.create_dataset("no planes", (3, 8, 8), "u1", chunks=(1, 8, 8))
        file.create_dataset("some planes", (3, 8, 8), "u1", chunks=(1, 8, 8))[1] = 0
        file.create_dataset("mask", (8, 8), "u1", chunks=(2, 8))[2:] = 0
        for name in ("none", "no planes"):
            notes = []
            assert (
                good_pixels(file[name], "auto", "zero", "a", notes).tolist() == np.ones((8, 8), bool).tolist()
            )
            assert notes[-1] == "warning: a was never written; no pixel is masked by it"
        with pytest.raises(DataError, match="a: 2 of 3 planes of the mask were never written"):
            good_pixels(file["some planes"], "auto", "zero", "a", [])
        good = good_pixels(file["mask"], "auto", "zero", "a: /mask", notes := [])
        assert not good[:2].any() and good[2:].all() and "16 of 64 values were never written" in notes[0]


def test_pixels_whose_flags_are_no_faults_are_counted():
    notes = []
    good_pixels(np.array([[0, 256], [2048, 1]]), "auto", "zero", "f: /mask", notes)
    assert notes == ["f: /mask: 2 pixels have flags that are no faults; they are good"]
    good_pixels(np.array([[0, 0], [0, 1]]), "auto", "zero", "f: /mask", notes)
    assert len(notes) == 1
