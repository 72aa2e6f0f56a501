"""Files of others: any exception becomes one message, links are followed with care, sources found."""

import os
import socket
import subprocess
import sys

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError, JobError, ResourceError
from nanompi.io.hdf5 import at, dataset, foreign, names, open_hdf5, real, unit, whole
from nanompi.methods.ptycho.read.hdf5 import source_of

FRAMES = np.arange(4 * 9 * 9, dtype=np.uint16).reshape(4, 9, 9)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """make(name, path=value ...) writes an HDF5 file in the working folder"""
    monkeypatch.chdir(tmp_path)

    def make(name, **values):
        with h5py.File(name, "w") as file:
            for path, value in values.items():
                file[path.replace("__", "/")] = value
        return name

    return make


def virtual(name, *sources, path="v"):
    """A virtual dataset of 4 frames; sources: (file, dataset)"""
    with h5py.File(name, "w") as file:
        layout = h5py.VirtualLayout((4 * len(sources), 9, 9), "u2")
        for i, (other, inner) in enumerate(sources):
            layout[4 * i : 4 * i + 4] = h5py.VirtualSource(other, inner, (4, 9, 9))
        file.create_virtual_dataset(path, layout)


def look(name, path="v"):
    with open_hdf5(name) as file:
        return whole(dataset(file, path))


# ---- the guard


@pytest.mark.parametrize(
    "error", [OSError("no (bad address)"), TypeError("x"), IndexError(), RecursionError("deep")]
)
def test_any_exception_of_a_library_names_the_file(error):
    with (
        pytest.raises(DataError, match=r"a\.h5: /d cannot be read \(\w[^()]*\)") as caught,
        foreign("a.h5: /d"),
    ):
        raise error
    assert caught.value.__cause__ is error and caught.value.code == 3


def test_memory_is_a_matter_of_resources_and_our_errors_pass():
    with pytest.raises(ResourceError, match=r"a\.h5 does not fit into memory") as caught, foreign("a.h5"):
        np.empty(1 << 60, np.uint8)
    assert caught.value.code == 4
    with pytest.raises(JobError, match="mine"), foreign("a.h5"):
        raise JobError("mine")


@pytest.mark.parametrize(
    "value", [h5py.Empty("f8"), "8 keV", np.array([b"a", b"b"]), 1j, np.zeros(3, [("a", "u1")])]
)
def test_what_is_no_number_is_said(made, value):
    with (
        open_hdf5(made("a.h5", d=value)) as file,
        pytest.raises(DataError, match=r"a\.h5: /d (is empty|holds)"),
    ):
        real(whole(dataset(file, "d")), "a.h5: /d")


@pytest.mark.parametrize(
    ("value", "text"),
    [(np.array([b"um", b"mm"]), "um"), (np.array([["um"]], "S2"), "um"), (np.array([], "S2"), ""),
     (h5py.Empty("S1"), ""), (np.bytes_(b"\xff"), "\ufffd"), (3, "3")],
)  # fmt: skip
def test_odd_units(made, value, text):
    with h5py.File(made("a.h5", d=1.0), "a") as file:
        file["d"].attrs["units"] = value
    with open_hdf5("a.h5") as file:
        assert unit(file["d"]) == text


# ---- what is no file: to open a FIFO would wait for ever


@pytest.fixture(params=["fifo", "socket", "folder", "device"])
def no_file(request, made):
    if request.param == "device":
        return "/dev/zero"
    if request.param == "socket":
        with socket.socket(socket.AF_UNIX) as s:
            s.bind("socket")
    else:
        {"fifo": os.mkfifo, "folder": os.mkdir}[request.param](request.param)
    return request.param


def test_scan(no_file):
    with pytest.raises(DataError, match=r"is a (FIFO|socket|folder|device)"):
        open_hdf5(no_file)


@pytest.mark.parametrize("kind", ["link", "link beyond a link", "virtual", "virtual beyond", "external"])
def test_what_the_file_names(made, no_file, kind):
    name = os.path.abspath(no_file)
    made("a.h5", v=h5py.ExternalLink("b.h5", "/v"))
    if kind.startswith("link"):
        made("b.h5" if "beyond" in kind else "a.h5", v=h5py.ExternalLink(name, "/v"))
    elif kind == "external":
        with h5py.File("b.h5", "w") as file:
            file.create_dataset("v", (4, 9, 9), "u2", external=[(name, 0, 648)])
    else:
        virtual("c.h5" if "beyond" in kind else "b.h5", (name, "v"))
        if "beyond" in kind:
            virtual("b.h5", ("c.h5", "v"))
    for way in (look, lambda name: at(open_hdf5(name), "v") and look(name)):
        with pytest.raises(DataError, match=r"is a (FIFO|socket|folder|device)"):
            way("a.h5")


# ---- circles, and files without end


def test_a_virtual_dataset_that_names_itself(made):
    virtual("a.h5", ("a.h5", "v"))
    virtual("dot.h5", (".", "v"))
    virtual("b.h5", ("c.h5", "v"))
    virtual("c.h5", ("b.h5", "v"))
    made("link.h5", v=h5py.ExternalLink("b.h5", "/v"))
    for name in ("a.h5", "dot.h5", "b.h5", "link.h5"):
        with pytest.raises(DataError, match="virtual dataset that names itself"):
            look(name)


def test_links_in_a_circle(made):
    made("a.h5", v=h5py.ExternalLink("b.h5", "/v"), s=h5py.SoftLink("/t"), t=h5py.SoftLink("/s"), g__d=FRAMES)
    made("b.h5", v=h5py.ExternalLink("a.h5", "/v"))
    for path in ("v", "s"):
        with pytest.raises(DataError, match=r"leads over more than 16 links"):
            look("a.h5", path)
    with h5py.File("a.h5", "a") as file:
        file["g/up"], file["g/again"] = file["g"], h5py.SoftLink("/g")
    assert np.array_equal(look("a.h5", "g/up/again/up/d"), FRAMES)
    with open_hdf5("a.h5") as file:
        assert names(file) == ["/g/d"]


@pytest.mark.slow
def test_names_of_deep_and_wide_files_are_bounded(made):
    with h5py.File("a.h5", "w", libver="latest") as file:
        group = file
        for _ in range(3000):
            group = group.create_group("d")
        wide = file.create_group("w")
        for i in range(25_000):
            wide[f"l{i}"] = h5py.SoftLink("/first")
        file["first"] = FRAMES
    with open_hdf5("a.h5") as file:
        assert names(file) == ["/first"]
        with pytest.raises(DataError, match=r'no dataset firts \(did you mean "/first"\?\)'):
            dataset(file, "firts")


# ---- sources are looked for where HDF5 looks (which reads its variables once, when it is loaded)


def look_elsewhere(folder, name, **variables):
    """Sum of the frames, or the message, in a process of its own that begins in `folder`."""
    code = (
        "import sys; from nanompi.errors import DataError; from nanompi.io.hdf5 import *\n"
        "try:\n  with open_hdf5(sys.argv[1]) as f: print(whole(dataset(f, 'v')).sum())\n"
        "except DataError as e: print(e)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, name],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("kind", ["virtual", "external", "link"])
def test_sources_in_folders_of_the_environment(made, tmp_path, kind):
    os.makedirs("raw/gone"), os.mkdir("away")
    made("raw/gone/s.h5", d=FRAMES)
    FRAMES.tofile("raw/gone/f.bin")
    variable, missing = {
        "virtual": ("HDF5_VDS_PREFIX", "1 of its 1 files are missing, first gone/s.h5"),
        "external": ("HDF5_EXTFILE_PREFIX", "1 of its 1 files are missing, first gone/f.bin"),
        "link": ("HDF5_EXT_PREFIX", "a.h5: v links to /d in gone/s.h5, which cannot be opened"),
    }[kind]
    if kind == "virtual":
        virtual("a.h5", ("gone/s.h5", "d"))
    elif kind == "link":
        made("a.h5", v=h5py.ExternalLink("gone/s.h5", "/d"))
    else:
        with h5py.File("a.h5", "w") as file:
            file.create_dataset("v", (4, 9, 9), "u2", external=[("gone/f.bin", 0, FRAMES.nbytes)])
    name = str(tmp_path / "a.h5")
    assert missing in look_elsewhere("away", name)
    origin = "${ORIGIN}/raw" if kind != "link" else "/nowhere:../raw"
    for folder in (str(tmp_path / "raw"), "../raw", origin):
        assert look_elsewhere("away", name, **{variable: folder}) == str(FRAMES.sum())
    assert look_elsewhere("raw", name) == str(FRAMES.sum())  # the working folder


def test_an_absolute_name_that_moved_is_found_by_its_last_part(made):
    made("s.h5", d=FRAMES)
    virtual("a.h5", ("/nowhere/s.h5", "d"))
    assert np.array_equal(look("a.h5"), FRAMES)


# ---- a group of datasets


def group(name, *parts, **more):
    """A file whose group /g has datasets of frames filled with their number; more: other members"""
    with h5py.File(name, "w") as file:
        for k, part in enumerate(parts):
            file[f"g/{part}"] = np.full((2, 9, 9), k, "u2")
        for part, value in more.items():
            file[f"g/{part}"] = value
    return name


def joined(name):
    """(first pixel of each frame, notes)"""
    notes = []
    with open_hdf5(name) as file:
        source = source_of(file, "/g", notes)
    return [int(f[0, 0]) for f in source.read(np.arange(source.shape[0]))[::2]], " | ".join(notes)


def test_numbers_decide_the_order_and_only_one_series_is_joined(made):
    parts = [f"data_{k}" for k in range(1, 13)]
    order, notes = joined(group("a.h5", *parts, data_dark=FRAMES, data=FRAMES, data_flat_1=FRAMES))
    assert order == list(range(12))
    assert notes == "frames: data_1 to data_12 (12 datasets) of /g, 24 frames"


def test_gaps_and_links_to_files_that_never_came_are_told(made):
    late = {f"data_{k:06d}": h5py.ExternalLink(f"no_{k}.h5", "/d") for k in (6, 7)}
    order, notes = joined(group("a.h5", "data_000001", "data_000002", "data_000005", **late))
    assert order == [0, 1, 2]
    assert "data_000006 to data_000007 (2 datasets) lead to files that are not there; left out" in notes
    assert "warning: a.h5: /g: 2 numbers are missing between data_000001 and data_000005" in notes
    with pytest.raises(DataError, match=r"/g/data_000002 links to /d in no_2.h5, which cannot be opened"):
        joined(group("b.h5", "data_000001", "data_000003", data_000002=h5py.ExternalLink("no_2.h5", "/d")))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["data_1", "data_01"], "two datasets have the number 1"),
        (["a_1", "a_2", "b_1"], "numbered in several ways; it has a_1, a_2, b_1: name one dataset"),
        (["data_1", "data1"], "numbered in several ways"),
        ([], "without datasets data"),
    ],
)
def test_what_is_not_one_series_is_refused(made, parts, message):
    with h5py.File(group("a.h5", *parts), "a") as file:
        file.require_group("g")
    with pytest.raises(DataError, match=message):
        joined("a.h5")


def test_a_dataset_called_data_or_the_only_series(made):
    assert joined(group("a.h5", "data", data_dark=FRAMES))[0] == [0]
    assert joined(group("b.h5", "img_2", "img_10", other=FRAMES))[0] == [0, 1]


def test_a_heap_in_which_hdf5_would_read_for_ever(made):
    """512 bytes of zeros in it, as a bad block of a disk leaves them"""
    with h5py.File(made("a.h5", v=FRAMES), "a") as file:
        for k in range(20):
            file.attrs[f"text{k}"] = "x" * 20
            file[f"d{k}"] = "a text"
    assert np.array_equal(look("a.h5"), FRAMES)
    with open("a.h5", "rb") as file:
        whole_file = bytearray(file.read())
    heap = whole_file.index(b"GCOL")
    whole_file[heap + 360 : heap + 872] = bytes(512)
    with open("b.h5", "wb") as file:
        file.write(whole_file)
    assert f"its heap of texts at byte {heap} has free space of size 0" in look_elsewhere(".", "b.h5")
