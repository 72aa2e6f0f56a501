"""Is a file still the one that was read? All behind links count, by one rule for cache and checkpoints."""

import os
import shutil
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

from nanompi.data.stored import Hdf5Frames
from nanompi.errors import DataError
from nanompi.io.fingerprint import FEW, MANY, changed, followed, note, noted, of_file, stamp
from nanompi.io.hdf5 import dataset, open_hdf5
from nanompi.io.links import sources
from nanompi.job.identity import files_named

SHAPE = (6, 8, 8)


def raw(value):
    with h5py.File("raw.h5", "w") as file:
        file["d"] = np.full(SHAPE, value, np.uint16)


def virtual(file, of: str, path: str = "d"):
    layout = h5py.VirtualLayout(SHAPE, "u2")
    layout[:] = h5py.VirtualSource(of, path, SHAPE)
    file.create_virtual_dataset("d", layout)


def external(file):
    np.full(SHAPE, 1, np.uint16).tofile("raw.h5")
    file.create_dataset("d", SHAPE, "u2", external=[("raw.h5", 0, h5py.h5f.UNLIMITED)])


def through(file, what):
    """A dataset of this file that is a link to one of middle.h5, which `what` makes."""
    with h5py.File("middle.h5", "w") as middle:
        what(middle)
    file["d"] = h5py.ExternalLink("middle.h5", "/d")


def linked(file):
    file["d"] = h5py.ExternalLink("raw.h5", "/d")


def soft(file):
    file["d"] = h5py.SoftLink("/group/link")
    file.create_group("group")["link"] = h5py.ExternalLink("raw.h5", "/d")


def nested(what):
    """A virtual dataset of what `what` makes in middle.h5."""

    def make(file):
        with h5py.File("middle.h5", "w") as middle:
            what(middle)
        virtual(file, "middle.h5")

    return make


WAYS = {
    "link": linked,
    "soft link": soft,
    "virtual": lambda file: virtual(file, "raw.h5"),
    "external": external,
    "link to a link": lambda file: through(file, linked),
    "link to a virtual one": lambda file: through(file, lambda f: virtual(f, "raw.h5")),
    "link to an external one": lambda file: through(file, external),
    "virtual of virtual": nested(lambda f: virtual(f, "raw.h5")),
    "virtual of a link": nested(linked),
    "virtual of an external one": nested(external),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def scan(request, tmp_path, monkeypatch):
    """scan.h5, of which the dataset d leads to raw.h5."""
    monkeypatch.chdir(tmp_path)
    raw(1)
    with h5py.File("scan.h5", "w") as file:
        request.param(file)
    return "scan.h5"


def test_a_file_at_the_end_of_any_way_counts(scan, tmp_path):
    with followed() as files, open_hdf5(scan) as file:
        dataset(file, "d")
        source = Hdf5Frames.of(file, "d")
    before = stamp(source)
    assert {str(tmp_path / n) for n in ("scan.h5", "raw.h5")} <= set(files) and set(source.files) == set(
        files
    )
    assert changed(files) == "" and stamp(source) == before
    for name in map(os.path.basename, list(files)):
        whole = Path(name).read_bytes()
        Path(name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert changed(files) == f"{tmp_path / name} has changed since the run read it"
        assert stamp(source) != before
        Path(name).write_bytes(whole)
    assert changed(files) == "" and stamp(source) == before


def test_a_small_copy_is_the_same_and_a_large_one_where_its_time_is(tmp_path):
    for name, size in (("small", 1 << 20), ("large", (1 << 20) + 1)):
        file, copy = tmp_path / name, tmp_path / "copy"
        file.write_bytes(os.urandom(size))
        os.utime(file, ns=(1, 10**18))
        shutil.copy(file, copy)
        assert (of_file(str(copy)) == of_file(str(file))) == (name == "small")
        shutil.copy2(file, copy)
        assert of_file(str(copy)) == of_file(str(file))
        for place in range(0, 1 << 20, 99_991):  # of the small one each byte counts
            data = bytearray(file.read_bytes())
            data[place] ^= 1
            copy.write_bytes(data)
            if name == "small":
                os.utime(copy, ns=(1, 10**18))
            assert of_file(str(copy)) != of_file(str(file))


def test_of_many_files_few_pieces_are_read(tmp_path):
    (tmp_path / "a").write_bytes(bytes(1 << 20))
    names = [tmp_path / f"{k}" for k in range(MANY + 1)]
    [os.link(tmp_path / "a", name) for name in names]
    with followed() as files:
        note(*map(str, names))
    assert [s[2] for s in files.values()] == [16] * MANY + [FEW] and changed(files) == ""


def test_what_is_not_there_now_is_an_error_and_nothing_is_lost(tmp_path):
    (tmp_path / "a").write_text("x")
    with followed() as files:
        note(str(tmp_path / "a"), str(tmp_path / "never"))
    assert files[str(tmp_path / "never")] == []
    (tmp_path / "a").unlink()
    with pytest.raises(DataError, match="a: the run has read this file, now it is missing"):
        changed(files)
    os.mkfifo(tmp_path / "a")
    with pytest.raises(DataError, match="cannot be read"):
        changed(files)


def test_who_asks_hears_of_the_files_opened_meanwhile_and_the_first_look_stays(tmp_path):
    (tmp_path / "a").write_text("x")
    name = str(tmp_path / "a")
    with followed() as outer:
        note(name)
        (tmp_path / "a").write_text("y")
        with noted() as inner:
            note(name)
        assert list(inner) == list(outer) == [name]
    assert changed(outer) != ""
    note(name)


def test_files_of_a_job_are_those_that_it_names_and_the_code_of_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("scan.h5", "table.csv", "ptycho", "plugin.py"):
        Path(name).write_text("")
    module = types.ModuleType("plugin")
    module.__file__ = str(tmp_path / "plugin.py")
    monkeypatch.setitem(sys.modules, "plugin", module)

    @dataclass
    class Step:
        table: str = "table.csv"

    Step.__module__ = "plugin"
    steps = [{"use": "ptycho", "tables": ["table.csv", "not there.csv", "a\0.b"]}]
    job = types.SimpleNamespace(
        resolved={"input": {"file": "scan.h5"}, "steps": steps}, reader=None, steps=[[Step()]]
    )
    assert files_named(job) == ["scan.h5", "table.csv", str(tmp_path / "plugin.py")]


def test_a_source_that_was_missing_counts_when_it_comes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with h5py.File("scan.h5", "w") as file:
        virtual(file, "raw.h5")
    with followed() as files, open_hdf5("scan.h5") as file:
        (source,) = sources(file["d"])
    frames = Hdf5Frames("scan.h5", "d", SHAPE, np.uint16, files=tuple(files))
    before = stamp(frames)
    assert source.file == "" and changed(files) == ""
    raw(1)
    assert changed(files) == f"{tmp_path / 'raw.h5'} was missing, and has come"
    assert stamp(frames) != before


def test_the_stamp_of_a_folder_follows_its_files(tmp_path):
    (tmp_path / "a").write_text("x")
    with followed() as files:
        note(str(tmp_path))
    assert changed(files) == ""
    (tmp_path / "b").write_text("y")
    assert changed(files).endswith("has changed since the run read it")
