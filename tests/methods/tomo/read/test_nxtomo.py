"""NXtomo files: which images are projections, and what is refused with words."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.methods.tomo.read.nxtomo import NXtomo, is_nxtomo
from tests.methods.tomo.files import COLUMNS, ROWS, images, write_nxtomo

KEY = "entry0000/instrument/detector/image_key"


def opened(path, span=None, **units):
    """The tomogram of a file"""
    return NXtomo(span=span, units=units).tomogram(path)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "scan.nxs")


@pytest.mark.parametrize("entry", ["entry0000", "entry1/tomo_entry"])
def test_images_are_told_apart_by_their_key(path, entry):
    """Flats before and after, darks, an invalid image among the projections"""
    t = opened(write_nxtomo(path, entry=entry))
    assert is_nxtomo(path)
    source = t.projections
    assert source.shape == (5, ROWS, COLUMNS)
    assert np.array_equal(source.read(np.arange(5)), images(0, 5))
    assert np.rad2deg(t.angles) == pytest.approx([0, 30, 60, 90, 120])
    assert np.array_equal(t.flats.read(np.arange(4)), images(1, 4))
    assert np.array_equal(t.darks.read(np.arange(2)), images(2, 2))
    assert t.facts == pytest.approx({"pixel": 6.5e-6})


def test_angles_of_the_projections_alone_will_do(path):
    write_nxtomo(path)
    with h5py.File(path, "a") as f:
        del f["entry0000/sample/rotation_angle"]
        f["entry0000/data/rotation_angle"] = np.arange(5) * 36.0
    assert np.rad2deg(opened(path).angles) == pytest.approx(np.arange(5) * 36)


def test_a_span_goes_over_the_projections(path):
    assert opened(write_nxtomo(path), span=np.pi).angles == pytest.approx(np.arange(5) * np.pi / 5)


def test_alignment_frames_are_no_projections(path):
    """image_key has 0 for them, image_key_control -1"""
    write_nxtomo(path)
    with h5py.File(path, "a") as f:
        keys = f[KEY][()]
        keys[8] = -1
        f[KEY + "_control"] = keys
    t = opened(path)
    assert t.projections.numbers.tolist() == [3, 4, 6, 7] and np.rad2deg(t.angles[-1]) == pytest.approx(90)
    assert t.notes == []


def test_images_of_an_unknown_kind_are_told(path):
    write_nxtomo(path)
    with h5py.File(path, "a") as f:
        keys = f[KEY][()]
        keys[8] = 7
        del f[KEY]
        f[KEY] = keys
    t = opened(path)
    assert t.projections.numbers.tolist() == [3, 4, 6, 7]
    assert len(t.notes) == 1 and "1 of 12 images have an image_key that is not" in t.notes[0]
    assert "the first is number 8 (7)" in t.notes[0]


def test_without_flats_and_darks(path):
    t = opened(write_nxtomo(path, kinds="PPPPPP"))
    assert t.flats is None and t.darks is None and t.projections.shape[0] == 6


def test_the_pixel_of_the_sample_comes_before_that_of_the_detector(path):
    write_nxtomo(path)
    with h5py.File(path, "a") as f:
        f["entry0000/sample/x_pixel_size"] = 0.65e-6
        f["entry0000/instrument/beam/incident_energy"] = 19.0
    t = opened(path, pixel="m")
    assert t.facts["pixel"] == pytest.approx(0.65e-6)
    assert t.facts["energy"] == pytest.approx(19e3 * 1.602176634e-19)


def change(path, name, values=None):
    with h5py.File(path, "a") as f:
        del f[name]
        if values is not None:
            f[name] = values


FAULTS = {
    "no key": (
        KEY,
        None,
        r"does not say which images are projections: .*detector/image_key or .* is missing",
    ),
    "keys": (KEY, np.zeros(9, int), r"image_key has 9 values, but .*detector/data has 12 images"),
    "no projection": (KEY, np.full(12, 2), r"none of 12 images is a projection \(image_key 0\)"),
    "text keys": (KEY, np.full(12, b"flat"), r"image_key holds values of type \|S4; 0, 1, 2 or 3"),
    "no data": (
        "entry0000/instrument/detector/data",
        None,
        r"detector/data or .*data/data is missing or empty",
    ),
    "no angles": (
        "entry0000/sample/rotation_angle",
        None,
        r"has no angles \(.*rotation_angle.*`span: 180 deg`",
    ),
    "angles": ("entry0000/sample/rotation_angle", np.arange(7.0), r"5 projections, but 7 angles"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refused(path, fault):
    write_nxtomo(path)
    name, values, words = FAULTS[fault]
    change(path, name, values)
    with pytest.raises(DataError, match=words) as error:
        opened(path)
    assert "scan.nxs" in str(error.value)


@pytest.mark.parametrize("definition", ["NXptycho", 3, None])
def test_other_definitions_are_not_nxtomo(path, definition):
    write_nxtomo(path)
    change(path, "entry0000/definition", definition)
    assert not is_nxtomo(path)


def test_the_number_of_an_image_is_its_time_and_control_the_current(path):
    """Flats before and after, darks among them: FFDPPIPPPFFD"""
    write_nxtomo(path)
    t = opened(path)
    assert t.per_row["time"].tolist() == [3, 4, 6, 7, 8] and t.per_flat["time"].tolist() == [0, 1, 9, 10]
    assert "current" not in t.per_row
    t.projections.close()
    with h5py.File(path, "a") as f:
        f["entry0000/control/data"] = np.linspace(2, 1, 12)
    t = opened(path)
    assert t.per_row["current"] == pytest.approx(np.linspace(2, 1, 12)[[3, 4, 6, 7, 8]])
    assert t.per_flat["current"] == pytest.approx(np.linspace(2, 1, 12)[[0, 1, 9, 10]])
    t.projections.close()
    with h5py.File(path, "a") as f:
        f["entry0000/control/data"][5] = 0
    assert "current" not in opened(path).per_row


def test_one_of_several_entries(path):
    """The first, if none is named; others are told"""
    write_nxtomo(path)
    with h5py.File(path, "a") as f:
        f.copy("entry0000", "entry0001")
        f["entry0001/sample/rotation_angle"][:] = -7
    assert opened(path).angles[1] == pytest.approx(np.deg2rad(30))
    assert any("/entry0000 is read; there are /entry0001, too" in note for note in opened(path).notes)
    second = NXtomo(entry="entry0001").tomogram(path)
    assert second.angles[1] == pytest.approx(np.deg2rad(-7))
    with pytest.raises(JobError, match='"entry7" is not one of /entry0000, /entry0001'):
        NXtomo(entry="entry7").tomogram(path)
