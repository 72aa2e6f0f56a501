"""Data Exchange files: what is read, and what is refused with words."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.tomo.read.dxchange import DataExchange, has_exchange
from tests.methods.tomo.files import COLUMNS, ROWS, images, write_exchange


def opened(path, span=None, **units):
    """The tomogram of a file"""
    return DataExchange(span=span, units=units).tomogram(path)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "scan.h5")


def test_projections_angles_flats_and_darks(path):
    t = opened(write_exchange(path))
    assert has_exchange(path)
    assert t.angles == pytest.approx(np.deg2rad(np.arange(12) * 15))
    source = t.projections
    assert source.shape == (12, ROWS, COLUMNS) and source.dtype == np.uint16
    assert np.array_equal(source.read([11, 0]), images(0, 12)[[11, 0]])
    assert np.array_equal(t.flats.read(np.arange(4)), images(1, 4))
    assert np.array_equal(t.darks.read(np.arange(3)), images(2, 3))
    assert t.facts == {} and t.notes == []


def test_pixel_and_energy_where_the_file_has_them(path):
    write_exchange(path)
    with h5py.File(path, "a") as f:
        f["/measurement/instrument/detection_system/objective/resolution"] = [0.65]
        f["/measurement/instrument/detection_system/objective/resolution"].attrs["units"] = "microns"
        f["/measurement/instrument/monochromator/energy"] = [25.0]
    t = opened(path, energy="keV")
    assert t.facts == pytest.approx({"pixel": 0.65e-6, "energy": 25e3 * 1.602176634e-19}, rel=1e-9)


@pytest.mark.parametrize("value, unit", [(0.65, "parsec"), (0.0, "um"), (np.nan, "um")])
def test_a_pixel_that_cannot_be_right_is_noted_and_not_used(path, value, unit):
    write_exchange(path)
    with h5py.File(path, "a") as f:
        f["/measurement/instrument/detection_system/objective/resolution"] = value
        f["/measurement/instrument/detection_system/objective/resolution"].attrs["units"] = unit
    t = opened(path)
    assert t.facts == {} and "objective/resolution" in t.notes[0] and "not used" in t.notes[0]


@pytest.mark.parametrize(
    "unit, theta, words",
    [
        ("degrees", np.arange(12) * 15, ""),
        ("rad", np.arange(12) * np.pi / 12, ""),
        ("radians", np.arange(12) * np.pi / 12, ""),
        ("", np.arange(12) * 15, "no unit; its range of 165 is read as deg"),
        ("", np.arange(12) * np.pi / 11, "no unit; its range of 3.14159 is read as rad"),
        ("deg", np.arange(12) * np.pi / 11, "if these are radians, write `units: {angle: rad}`"),
    ],
)
def test_angles_in_degrees_and_radians(path, unit, theta, words):
    """By the unit; where there is none, by the range; a range that belies the unit is noted"""
    t = opened(write_exchange(path, unit=unit, theta=theta))
    want = np.deg2rad(theta) if unit.startswith("deg") or theta[-1] > 10 else theta
    assert t.angles == pytest.approx(want) and (words in t.notes[0] if words else not t.notes)
    assert opened(path, angle="rad").angles == pytest.approx(theta)


def test_a_span_in_the_job_takes_the_place_of_missing_angles(path):
    write_exchange(path)
    with h5py.File(path, "a") as f:
        del f["/exchange/theta"]
    assert opened(path, span=np.pi).angles == pytest.approx(np.arange(12) * np.pi / 12)
    with pytest.raises(DataError, match=r"scan.h5 has no angles \(/exchange/theta\).*`span: 180 deg`"):
        opened(path)


def test_missing_flats_and_darks_are_none(path):
    """The step that needs them says so; a file of transmissions has none"""
    write_exchange(path)
    with h5py.File(path, "a") as f:
        del f["/exchange/data_white"], f["/exchange/data_dark"]
        f["/exchange/data_dark"] = np.zeros((0, ROWS, COLUMNS))
    t = opened(path)
    assert t.flats is None and t.darks is None


def test_one_flat_without_a_frame_axis(path):
    write_exchange(path)
    with h5py.File(path, "a") as f:
        del f["/exchange/data_white"]
        f["/exchange/data_white"] = images(1, 1)[0]
    assert np.array_equal(opened(path).flats.read([0]), images(1, 1))


def test_frames_that_were_never_written_are_left_out(path):
    write_exchange(path)
    with h5py.File(path, "a") as f:
        stack = f["/exchange/data"][()]
        del f["/exchange/data"]
        data = f.create_dataset("/exchange/data", stack.shape, stack.dtype, chunks=(1, ROWS, COLUMNS))
        for k in (0, 1, 3, 4, 5, 6, 7, 8, 9, 10):
            data[k] = stack[k]
    t = opened(path)
    assert "2 of 12 frames were never written, the first is number 2; left out" in t.notes[0]
    assert t.projections.shape[0] == 10 and np.rad2deg(t.angles[2]) == pytest.approx(45)
    assert np.array_equal(t.projections.read([2]), stack[[3]])


FAULTS = {
    "counts": ({"theta": np.arange(11)}, r"/exchange/data: 12 projections, but 11 angles; .*`span: 180 deg`"),
    "nan": (
        {"theta": np.where(np.arange(12) == 7, np.nan, 1)},
        r"theta: 1 of 12 angles .* first is number 7",
    ),
    "unit": ({"unit": "furlong"}, r"/exchange/theta: \"furlong\" is not a unit .* deg"),
    "order": ({"axes": "y:theta:x"}, r"/exchange/data has the axes y:theta:x; .*theta:y:x"),
    "none": ({"n": 0, "theta": []}, r"/exchange/data is missing or empty"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refused(path, fault):
    how, words = FAULTS[fault]
    write_exchange(path, **how)
    with pytest.raises(DataError, match=words) as error:
        opened(path)
    assert "scan.h5" in str(error.value)


def replaced(path, name, values):
    write_exchange(path)
    with h5py.File(path, "a") as f:
        del f[name]
        f[name] = values


WRONG = {
    "flats of another size": ("data_white", np.ones((2, 3, 9)), r"data_white has images of 3 x 9, .* 3 x 24"),
    "text": ("data_dark", np.full((2, 3, 24), b"x"), r"data_dark has values of type \|S1"),
    "complex": ("data", np.ones((12, 3, 24), complex), r"data has values of type complex128"),
    "one column": ("data", np.ones((12, 3, 1)), r"frames of one column"),
    "flat list": ("data", np.ones(12), r"data has the shape \(12,\); \(frames, rows, columns\) is needed"),
    "text angles": ("theta", np.full(12, b"x"), r"theta holds text"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_datasets_that_do_not_fit(path, fault):
    name, values, words = WRONG[fault]
    replaced(path, f"/exchange/{name}", values)
    with pytest.raises(DataError, match=words):
        opened(path)


def test_a_group_and_a_dead_link_are_no_data(path, tmp_path):
    with h5py.File(path, "w") as f:
        f.create_group("/exchange/data")
    assert not has_exchange(path)
    with h5py.File(tmp_path / "link.h5", "w") as f:
        f["/exchange/data"] = h5py.ExternalLink("gone.h5", "/data")
    assert not has_exchange(str(tmp_path / "link.h5"))
    with pytest.raises(DataError, match="/exchange/data is missing"):
        opened(str(tmp_path / "link.h5"))


def test_frames_behind_a_link_are_read(path, tmp_path):
    write_exchange(tmp_path / "raw.h5")
    with h5py.File(path, "w") as f:
        for name in ("data", "data_white", "data_dark", "theta"):
            f[f"/exchange/{name}"] = h5py.ExternalLink("raw.h5", f"/exchange/{name}")
    assert np.array_equal(opened(path).projections.read([5]), images(0, 12)[[5]])
