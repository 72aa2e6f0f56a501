"""Folders of TIFF files: which are projections, which angles are theirs, and what is refused with words."""

import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.tomo.read.tiff import Tiffs, kind_of
from tests.io.test_tiff import write
from tests.methods.tomo.files import images

ANGLES = [0.0, 36, 72, 108, 144, 180, 216, 252, 288, 324, 360, 396]


@pytest.fixture
def folder(tmp_path):
    """Twelve projections in a folder of their own, their numbers without zeros in front"""
    (tmp_path / "tiffs").mkdir()
    for i, image in enumerate(images(0, 12)):
        write(tmp_path / f"tiffs/raw_{i}.tif", [image])
    for i, image in enumerate(images(1, 3)):
        write(tmp_path / f"flat_{i}.tiff", [image])
    write(tmp_path / "dark.tif", images(2, 4))
    (tmp_path / "angles.txt").write_text("\n".join(map(str, ANGLES)) + "\n")
    (tmp_path / "readme.txt").write_text("measured on a Monday")
    return tmp_path


def opened(folder, **given):
    return Tiffs(**given).tomogram(str(folder))


def test_files_are_told_apart_by_name_and_sorted_by_number(folder):
    assert Tiffs.recognises(str(folder), {}) and not Tiffs.recognises(str(folder.parent / "none"), {})
    t = opened(folder)
    assert np.array_equal(t.projections.read(np.arange(12), threads=3), images(0, 12))
    assert np.array_equal(t.projections.read([11, 2]), images(0, 12)[[11, 2]])
    assert np.array_equal(t.flats.read([0, 1, 2]), images(1, 3))
    assert np.array_equal(t.darks.read([0, 1, 2, 3]), images(2, 4))
    assert np.rad2deg(t.angles) == pytest.approx(ANGLES)
    assert any("12 projections, 3 flats, 4 darks" in note for note in t.notes)


def test_one_file_of_many_pages(folder):
    file = write(folder / "scan.tif", images(0, 12))
    t = opened(file, flats="flat_*.tiff", darks="dark.tif")
    assert np.array_equal(t.projections.read(np.arange(12)), images(0, 12)) and t.flats.shape[0] == 3


def test_patterns_name_files_otherwise(folder):
    t = opened(folder, projections="tiffs/*_[0-4].tif", flats="flat_0.tiff", lines=":5")
    assert t.projections.shape[0] == 5 and t.flats.shape[0] == 1 and len(t.angles) == 5
    with pytest.raises(DataError, match=r"input.flats: white\* fits no file"):
        opened(folder, flats="white*")


@pytest.mark.parametrize("name", ["white/0001.tif", "ref_01.tif", "FLAT.tif"])
def test_kinds_by_name(name):
    assert (
        kind_of(name) == "flats"
        and kind_of("darkflat_1.tif") == "darks"
        and kind_of("a.tif") == "projections"
    )


def test_angles_that_do_not_fit(folder):
    (folder / "angles.txt").write_text("\n".join(map(str, [0, 0, *ANGLES, 9])))
    with pytest.raises(DataError, match=r"angles.txt: 12 projections, but 15 angles; .* `lines: \"10:101\"`"):
        opened(folder)
    assert np.rad2deg(opened(folder, lines="2:14").angles) == pytest.approx(ANGLES)
    (folder / "more.txt").write_text("1\n2\n")
    with pytest.raises(DataError, match="has 2 texts that may hold the angles"):
        opened(folder)
    assert opened(folder, span=np.pi).angles == pytest.approx(np.arange(12) * np.pi / 12)
    with pytest.raises(DataError, match=r"readme.txt is no text with one number in each line"):
        opened(folder, angles="readme.txt")


def test_an_image_of_another_size_is_named(folder):
    write(folder / "tiffs/raw_5.tif", [images(0, 1)[0][:2]])
    t = opened(folder)
    with pytest.raises(
        DataError, match=r"raw_5.tif has 2 x 24 pixels of uint16, but the first image has 3 x 24"
    ):
        t.projections.read([4, 5])


@pytest.mark.parametrize(
    "name, kind",
    [
        ("flat_0001.tif", "flats"),
        ("Flatfield-1.tif", "flats"),
        ("sample_ref01.tif", "flats"),
        ("darks_3.tif", "darks"),
        ("tooth_refill_0.tif", "projections"),
        ("OpenFoam-0.tif", "projections"),
        ("darkroom.tif", "projections"),
    ],
)
def test_kinds_are_told_by_words_not_by_letters_within_others(name, kind):
    assert kind_of(name) == kind
