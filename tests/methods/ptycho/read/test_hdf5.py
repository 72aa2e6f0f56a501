"""Frames in numbered datasets of a group: which belong together, in what order; more in test_foreign.py."""

import h5py
import numpy as np
import pytest

from nanompi.data.combined import JoinedFrames
from nanompi.errors import DataError
from nanompi.methods.ptycho.read import hdf5


@pytest.mark.parametrize(
    ("name", "number"), [("data_000012", 12), ("data", 0), ("7", 7), ("a1b20", 20), ("data_0", 0)]
)
def test_the_number_is_at_the_end(name, number):
    assert hdf5._number(name) == number


def test_a_span_of_datasets():
    assert hdf5._span(["a"]) == "a" and hdf5._span(["a", "b"]) == "a to b (2 datasets)"


@pytest.mark.parametrize(
    ("members", "found"),
    [
        (["data_10", "data_9", "data_1"], ["data_1", "data_9", "data_10"]),
        (["data", "data_1", "dark_1"], ["data_1"]),
        (["data", "dark_1", "dark_2"], ["data"]),
        (["data"], ["data"]),
        (["frame2", "frame1", "x"], ["frame1", "frame2"]),
        (["1", "0"], ["0", "1"]),
        (["data-1", "data-2", "flat_1"], ["data-1", "data-2"]),
    ],
)
def test_one_series_is_the_frames(members, found):
    assert hdf5._series(dict.fromkeys(members), "a.h5: /g") == found


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (["data_1", "data_01"], "two datasets have the number 1"),
        (["data_3", "data_1", "data_2", "data_02"], "two datasets have the number 2"),
        (["a_1", "b_1"], "with datasets numbered in several ways; it has a_1, b_1: name"),
        (["data_1", "data1"], "with datasets numbered in several ways"),
        (["x"], "without datasets data, data_1, data_2 ...; it has x: name"),
        ([], "it has nothing: name"),
        ([f"n{chr(97 + k)}" for k in range(12)], "it has na, nb, .*, nl: name"),
        ([f"n{chr(97 + k)}" for k in range(13)], r"it has na, nb, .*, nl \.\.\.: name"),
    ],
)
def test_other_groups_are_refused(members, said):
    with pytest.raises(DataError, match=f"a.h5: /g.*{said}"):
        hdf5._series(dict.fromkeys(members), "a.h5: /g")


def opened(folder, counts, gone=()):
    """A file with group g: data_k of so many frames, each with its own number; links to nothing"""
    file = h5py.File(folder / "a.h5", "w")
    for k, n in counts.items():
        file[f"g/data_{k}"] = np.full((n, 8, 9), k, "u2")
    for k in gone:
        file[f"g/data_{k}"] = h5py.ExternalLink("none.h5", "/d")
    return file


@pytest.mark.parametrize(
    ("counts", "gone", "notes"),
    [
        ({1: 2, 2: 3}, (), ["frames: data_1 to data_2 (2 datasets) of g, 5 frames"]),
        ({3: 4}, (), ["frames: data_3 of g, 4 frames"]),
        ({1: 2, 4: 3}, (), ["frames: data_1 to data_4 (2 datasets) of g, 5 frames", "2 numbers are missing"]),
        (
            {1: 2},
            (2, 3),
            ["data_2 to data_3 (2 datasets) lead to files that are not there", "frames: data_1"],
        ),
        ({1: 2}, (2,), ["data_2 lead to files that are not there", "frames: data_1 of g, 2 frames"]),
    ],
)
def test_what_was_joined_is_noted(tmp_path, counts, gone, notes):
    said = []
    with opened(tmp_path, counts, gone) as file:
        source = hdf5.source_of(file, "g", said)
    assert len(said) == len(notes) and all(n in s for n, s in zip(notes, said))
    assert isinstance(source, JoinedFrames) is (len(counts) > 1) and source.shape[0] == sum(counts.values())
    every = np.repeat(list(counts), list(counts.values()))
    assert source.read(np.arange(len(every)))[:, 0, 0].tolist() == every.tolist()


def test_names_that_are_no_dataset(tmp_path):
    with opened(tmp_path, {1: 1}) as file:
        assert hdf5._is_dataset(file, "/g/data_1")
        assert not any(hdf5._is_dataset(file, name) for name in ("", "g", "a\0b", "/g/data_2"))


def test_it_is_known_by_paths_in_the_job(tmp_path):
    with opened(tmp_path, {1: 1}):
        pass
    (tmp_path / "b").write_text("no HDF5")
    known = hdf5.Hdf5.recognises
    assert known(str(tmp_path / "a.h5"), {"paths": {"frames": "/g"}})
    assert not known(str(tmp_path / "a.h5"), {}) and not known(str(tmp_path / "b"), {"paths": {"x": "/g"}})
