"""Any HDF5 file with a tomogram, by paths; and what is refused with words."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.methods.tomo.read.hdf5 import Hdf5Tomogram
from tests.methods.tomo.files import images

PATHS = {"data": "/raw/images", "angle": "/raw/phi", "flat": "/raw/open", "dark": "/raw/closed"}


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / "scan.h5", "w") as f:
        f["raw/images"], f["raw/open"], f["raw/closed"] = images(0, 12), images(1, 4), images(2, 3)
        f["raw/phi"], f["raw/um"] = np.arange(12) * 15.0, 3.0
        f["raw/um"].attrs["units"] = "um"
    return str(tmp_path / "scan.h5")


def opened(file, paths=PATHS, **given):
    return Hdf5Tomogram(paths=paths, **given).open(file, None)["data"]


def test_datasets_by_their_paths(file):
    data = opened(file, PATHS | {"pixel": "/raw/um"})
    assert np.array_equal(data.source.read(np.arange(12)), images(0, 12)) and data.unit == "counts"
    assert np.rad2deg(data.coords["angle"][0]) == pytest.approx(np.arange(12) * 15)
    assert data.beside["flat"].shape[0] == 4 and data.beside["dark"].shape[0] == 3
    assert data.facts == pytest.approx({"pixel": 3e-6})


def test_line_integrals_need_no_flats(file):
    data = opened(file, {"data": "/raw/images"}, span=np.pi, holds="lines")
    assert data.unit == "1" and not data.beside
    assert data.coords["angle"][0] == pytest.approx(np.arange(12) * np.pi / 12)


@pytest.mark.parametrize(
    "paths, error, words",
    [
        ({"angle": "/raw/phi"}, JobError, "paths: data is missing"),
        ({"data": "/raw/images", "flats": "/raw/open"}, JobError, r'"flats" is not one of data, angle, flat'),
        (PATHS | {"flat": "/raw/none"}, DataError, r"/raw/none \(paths: flat\) is missing or empty"),
        ({"data": "/raw/images"}, DataError, r"has no angles .*give `span: 180 deg`"),
    ],
)
def test_what_is_refused(file, paths, error, words):
    with pytest.raises(error, match=words):
        opened(file, paths)
