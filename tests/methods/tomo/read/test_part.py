"""Part of the detector: rows and columns of files of all kinds and of simulations."""

import h5py
import hdf5plugin
import numpy as np
import pytest

from nanompi.data.source import CroppedFrames, SelectedFrames
from nanompi.data.stored import Hdf5Frames
from nanompi.errors import JobError
from nanompi.io.hdf5 import open_hdf5
from nanompi.methods.tomo.read.dxchange import DataExchange
from nanompi.methods.tomo.read.part import Part
from nanompi.methods.tomo.read.simulate import SimulateTomogram, TomogramSimulation
from tests.methods.tomo.files import COLUMNS, ROWS, write_exchange

STACK = np.random.default_rng(2).integers(0, 9999, (11, 7, 9)).astype(np.uint16)
STORAGES = {
    "contiguous": {},
    "whole frames": {"chunks": (1, 7, 9), "compression": "gzip"},
    "whole frames, plain": {"chunks": (1, 7, 9)},
    "rows apart": {"chunks": (4, 2, 9), "compression": hdf5plugin.Bitshuffle(cname="lz4")},
}


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("rows, columns", [(slice(2, 5), slice(None)), (slice(None), slice(-4, 8)),
                                           (slice(6, 7), slice(0, 1))])  # fmt: skip
def test_part_of_each_frame_of_a_file(tmp_path, storage, rows, columns):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", data=STACK, **STORAGES[storage])
    with open_hdf5(str(tmp_path / "a.h5")) as file:
        whole = Hdf5Frames.of(file, "data")
    part = whole.cropped(rows, columns)
    assert isinstance(part, CroppedFrames) == (storage[:5] == "whole")
    want, index = STACK[:, rows, columns], np.array([9, 0, 1, 4])
    assert part.shape == want.shape and part.origin() != whole.origin()
    assert np.array_equal(part.read(index), want[index]) and part.read(index).flags.c_contiguous
    assert np.array_equal(SelectedFrames(part, np.arange(1, 11, 3)).read(np.arange(3)), want[1:10:3])
    again = part.cropped(slice(0, 1), slice(0, 1))
    assert np.array_equal(again.read(np.arange(11)), want[:, :1, :1])


def test_a_file_gives_no_more_than_is_asked_for(tmp_path, monkeypatch):
    """Of frames that are not compressed HDF5 reads the rows alone"""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = STACK
    with open_hdf5(str(tmp_path / "a.h5")) as file:
        part = Hdf5Frames.of(file, "data").cropped(slice(2, 3), slice(None))
    asked = []
    part._data()
    real = h5py.Dataset.read_direct
    monkeypatch.setattr(
        h5py.Dataset, "read_direct", lambda self, *given: (asked.append(given[1]), real(self, *given))
    )
    assert np.array_equal(part.read(np.arange(11)), STACK[:, 2:3])
    assert asked == [(slice(0, 11), slice(2, 3), slice(0, 9))]


def test_middle_rows_of_a_tomogram(tmp_path):
    """Projections, flats and darks alike, and the log says what is left out"""
    file = write_exchange(tmp_path / "scan.h5")
    whole, part = (DataExchange(**own).open(file, None)["data"] for own in ({}, {"rows": "middle 1"}))
    assert part.shape == (12, 1, COLUMNS) and part.notes[-1].startswith(
        f"of each image rows 1 to 1 of {ROWS}"
    )
    for one, other in (
        (part.source, whole.source),
        *((part.beside[k], whole.beside[k]) for k in ("flat", "dark")),
    ):
        n = np.arange(other.shape[0])
        assert np.array_equal(one.read(n), other.read(n)[:, 1:2])


def test_rows_of_a_simulation_have_their_truth():
    own = TomogramSimulation(angles=4, size=20, rows=6)
    whole, part, narrow = (
        SimulateTomogram(simulate=own, **given).open("", None)["data"]
        for given in ({}, {"rows": "4:"}, {"columns": "2:9"})
    )
    truth = whole.beside["truth"].read(np.arange(6))
    assert np.array_equal(part.beside["truth"].read(np.arange(2)), truth[4:]) and "truth" not in narrow.beside
    assert narrow.shape == (4, 6, 7)


@pytest.mark.parametrize("text", ["0:8:2", "some", "middle", "middle 0.5"])
def test_what_is_no_part_is_told(text):
    with pytest.raises(JobError, match=r'input\.rows: ".*" is not start:stop or "middle N"'):
        Part(rows=text)


def test_a_part_without_rows_is_told():
    with pytest.raises(JobError, match=r'input\.rows: "30:" leaves none of 6 rows'):
        SimulateTomogram(simulate=TomogramSimulation(rows=6), rows="30:").open("", None)
