"""Masks of files: flags, NaN, one for each frame; and the saturation that a file says."""

import h5py
import numpy as np
import pytest

from nanompi.read.masks import good_pixels
from nanompi.read.saturation import saturation

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
