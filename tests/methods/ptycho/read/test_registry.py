"""Readers are found by name without any heavy import."""

import subprocess
import sys

import pytest

from nanompi.errors import DataError, JobError
from nanompi.methods import discover
from nanompi.run.reading import reader_of
from nanompi.step import METHODS

HEAVY = ("h5py", "scipy", "hdf5plugin", "blosc2", "numba", "sklearn", "mpi4py", "cupy", "matplotlib")


def test_all_readers_are_registered():
    discover()
    assert {"cxi", "nexus", "hdf5", "ptyd", "npz", "simulate"} <= set(METHODS["reader"])


def test_no_part_is_missed_by_the_look_at_the_text_of_modules():
    code = (
        "import importlib, pkgutil, nanompi.methods as m\n"
        "from nanompi.step import METHODS\n"
        "[importlib.import_module(i.name) for i in pkgutil.walk_packages(m.__path__, m.__name__ + '.')]\n"
        "print(sorted((kind, name) for kind, table in METHODS.items() for name in table))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {
        k: [n for n, c in t.items() if c.__module__.startswith("nanompi.")] for k, t in discover().items()
    }
    assert said.stdout.strip() == str(sorted((kind, name) for kind in ours for name in ours[kind]))


def test_registering_imports_nothing_heavy():
    code = (
        "import sys, importlib, pkgutil, nanompi.methods.ptycho.read as r\n"
        "[importlib.import_module(m.name) for m in pkgutil.iter_modules(r.__path__, r.__name__ + '.')]\n"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_a_wrong_format_names_the_nearest():
    discover()
    with pytest.raises(JobError, match=r'format: "nexsus" is not a reader; .*\(did you mean "nexus"\?\)'):
        reader_of({"file": "a.h5", "format": "nexsus"})
    with pytest.raises(JobError, match="neither `file:` nor `simulate:`"):
        reader_of({})


def test_recognising_never_raises(tmp_path, monkeypatch):
    """A damaged file, and a reader whose own test fails: neither is more than "not mine"."""
    discover()
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"x" * 100)
    monkeypatch.setitem(METHODS["reader"], "broken", type("Broken", (), {"recognises": lambda *_: 1 / 0}))
    with pytest.raises(DataError, match=r"begins like HDF5 but cannot be opened"):
        reader_of({"file": str(tmp_path / "a.h5")})
