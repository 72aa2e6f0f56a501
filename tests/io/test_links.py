"""Where a file behind a link is looked for, how long a way may be, and which files a dataset names."""

import os

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.io import links
from nanompi.io.hdf5 import dataset, open_hdf5
from nanompi.io.links import (
    EXTERNAL,
    LINKED,
    VIRTUAL,
    LinkedSource,
    check_sources,
    check_way,
    places,
    raw_place,
    sources,
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """In an empty folder, without HDF5's variables"""
    monkeypatch.chdir(tmp_path)
    for name in (LINKED, VIRTUAL, EXTERNAL):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    "written, variable, prefix, want",
    [
        ("s.h5", LINKED, None, ["/o/s.h5", "s.h5"]),
        ("sub/s.h5", LINKED, None, ["/o/sub/s.h5", "sub/s.h5"]),
        ("/a/s.h5", LINKED, None, ["/a/s.h5", "/o/s.h5", "s.h5"]),
        ("s.h5", LINKED, "/p:/q", ["/p/s.h5", "/q/s.h5", "/o/s.h5", "s.h5"]),
        ("s.h5", LINKED, "/p::", ["/p/s.h5", "/o/s.h5", "s.h5"]),
        ("s.h5", VIRTUAL, "/p", ["/p/s.h5", "/o/s.h5", "s.h5"]),
        ("s.h5", VIRTUAL, "${ORIGIN}/raw", ["/o/raw/s.h5", "/o/s.h5", "s.h5"]),
        ("s.h5", VIRTUAL, "${ORIGIN}/${ORIGIN}", ["/o/${ORIGIN}/s.h5", "/o/s.h5", "s.h5"]),
        ("s.h5", LINKED, "${ORIGIN}/raw", ["${ORIGIN}/raw/s.h5", "/o/s.h5", "s.h5"]),
    ],
)
def test_places_in_the_order_of_hdf5(monkeypatch, written, variable, prefix, want):
    if prefix is not None:
        monkeypatch.setenv(variable, prefix)
    assert places(written, "/o/owner.h5", variable) == want


def test_the_folder_of_the_owner_itself_and_of_the_link_to_it(here):
    for name in ("real", "linked"):
        os.mkdir(name)
    open("real/o.h5", "w").close()
    os.symlink("../real/o.h5", "linked/o.h5")
    assert places("s.h5", "linked/o.h5", LINKED) == [f"{here}/linked/s.h5", "s.h5", f"{here}/real/s.h5"]


@pytest.mark.parametrize(
    "prefix, written, want",
    [
        (None, "f.raw", "f.raw"),
        (".", "f.raw", "f.raw"),
        ("raw", "f.raw", "raw/f.raw"),
        ("${ORIGIN}/raw", "f.raw", "{here}/raw/f.raw"),
        ("none", "f.raw", ""),
        (None, "gone", ""),
        ("raw", "{here}/f.raw", "{here}/f.raw"),
    ],
)
def test_places_of_external_files(here, monkeypatch, prefix, written, want):
    if prefix is not None:
        monkeypatch.setenv(EXTERNAL, prefix)
    os.mkdir("raw")
    for name in ("f.raw", "raw/f.raw"):
        open(name, "w").close()
    assert raw_place(written.format(here=here), f"{here}/o.h5") == want.format(here=here)


def chain(kind, length):
    """A file whose /0 leads over `length` links to a dataset"""
    with h5py.File("c.h5", "w") as file:
        for k in range(length):
            file[str(k)] = (
                h5py.ExternalLink("c.h5", f"/{k + 1}") if kind == "other" else h5py.SoftLink(f"/{k + 1}")
            )
        file[str(length)] = np.ones((2, 3))


@pytest.mark.parametrize("kind", ["soft", "other"])
@pytest.mark.parametrize("length, good", [(0, True), (1, True), (16, True), (17, False), (40, False)])
def test_a_way_may_have_sixteen_links(kind, length, good):
    chain(kind, length)
    with open_hdf5("c.h5") as file:
        if good:
            check_way(file, "/0")
            assert file.get("0") is not None  # HDF5 follows as many
        else:
            with pytest.raises(DataError, match="leads over more than 16 links"):
                check_way(file, "/0")


def test_links_from_where_they_stand():
    """A soft link is counted from its own group, or from the root of its file"""
    with h5py.File("a.h5", "w") as file:
        file["g/h/d"] = np.ones((2, 3))
        file["g/near"], file["g/far"] = h5py.SoftLink("h/./d"), h5py.SoftLink("/g//h/d")
        file["d"] = h5py.ExternalLink("b.h5", "/l")
        file["g/gone"], file["no file"] = h5py.SoftLink("/x/y"), h5py.ExternalLink("x.h5", "/d")
    with h5py.File("b.h5", "w") as file:
        file["l"] = h5py.ExternalLink("fifo", "/d")
    os.mkfifo("fifo")
    with open_hdf5("a.h5") as file:
        for path in ("g/near", "/g/far", "g/gone/z", "no file", "g/h/d/e", "x"):
            check_way(file, path)
        with pytest.raises(DataError, match="fifo is a FIFO, not a file with data"):
            check_way(file, "d")


def virtual(name, *lines):
    layout = h5py.VirtualLayout((4, 2, 3), "u2")
    for k, (file, path) in enumerate(lines):
        layout[k] = h5py.VirtualSource(file, path, (2, 3))
    with h5py.File(name, "w") as file:
        file.create_virtual_dataset("d", layout)


def test_each_source_once_the_missing_ones_without_a_file(here):
    for name in ("s.h5", "p0.h5", "p1.h5", "p3.h5", "a%.h5"):
        with h5py.File(name, "w") as file:
            file["d"], file["e"] = np.ones((2, 3), "u2"), np.ones((2, 3), "u2")
    virtual("v.h5", ("s.h5", "d"), ("s.h5", "e"), ("gone.h5", "d"), ("s.h5", "d"))
    with h5py.File("v.h5") as file:
        s = f"{here}/s.h5"
        assert list(sources(file["d"])) == [
            LinkedSource("s.h5", s, "d"),
            LinkedSource("s.h5", s, "e"),
            LinkedSource("gone.h5", "", "d"),
        ]
        assert list(sources(h5py.File("s.h5")["d"])) == []
    assert links._numbered("p%b.h5", "v.h5") == ["p0.h5", "p1.h5"]  # up to the first that is missing
    assert links._numbered("a%%.h5", "v.h5") == ["a%.h5"] and links._numbered("x%%b.h5", "v.h5") == ["x%b.h5"]
    with (
        open_hdf5("v.h5") as file,
        pytest.raises(DataError, match=r"1 of its 2 files are missing, first gone\.h5"),
    ):
        dataset(file, "d")


def test_external_files_once_and_the_missing_ones():
    open("a.raw", "wb").write(bytes(24))
    with h5py.File("e.h5", "w") as file:
        three = [("a.raw", 0, 4), ("b.raw", 0, 4), ("a.raw", 4, 4)]
        data = file.create_dataset("d", (6,), "u2", external=three)
        assert list(sources(data)) == [LinkedSource("a.raw", "a.raw"), LinkedSource("b.raw", "")]
        with pytest.raises(
            DataError, match=r"stored in external files and 1 of its 2 files are missing, first b\.raw"
        ):
            check_sources(data)


@pytest.mark.parametrize("length, good", [(1, True), (4, True), (5, False)])
def test_virtual_datasets_of_virtual_datasets(monkeypatch, length, good):
    monkeypatch.setattr(links, "LONGEST", 4)  # HDF5 needs seconds for seventeen
    with h5py.File("0.h5", "w") as file:
        file["d"] = np.ones((2, 3), "u2")
    for k in range(1, length + 1):
        layout = h5py.VirtualLayout((2, 3), "u2")
        layout[:] = h5py.VirtualSource(f"{k - 1}.h5", "d", (2, 3))
        with h5py.File(f"{k}.h5", "w") as file:
            file.create_virtual_dataset("d", layout)
    with h5py.File(f"{length}.h5") as file:
        if good:
            check_sources(file["d"])
            assert file["d"][()].all()
            return
        with pytest.raises(DataError, match="names itself"):
            check_sources(file["d"])
        check_sources(file["d"], deep=False)  # as another rank, which does not look below


def test_no_file_and_no_name():
    links.must_be_regular("gone")
    links.must_be_regular("a\0b")
    for path, kind in ((".", "a folder"), ("/dev/null", "a device")):
        with pytest.raises(DataError, match=f"is {kind}, not a file"):
            links.must_be_regular(path)
    assert links.place("a\0b", "o.h5", LINKED) == ""
