"""Positions and other small datasets of which a part was never written: not 0, but not known."""

import h5py
import numpy as np
import pytest

from nanompi.data.select import Select
from nanompi.errors import DataError
from nanompi.io.hdf5 import open_hdf5
from nanompi.io.unwritten import complete, unwritten
from nanompi.methods.ptycho.read import open_scan
from nanompi.methods.ptycho.read.hdf5 import Hdf5
from nanompi.methods.ptycho.read.masks import good_pixels
from nanompi.run.reading import Input

N = 20
X = 1e-6 * np.arange(1, N + 1)


def chunked(file):
    data = file.create_dataset("x", (N,), "f8", chunks=(5,))
    data[:5], data[10:] = X[:5], X[10:]
    return range(5, 10)


def pairs(file):
    data = file.create_dataset("x", (N, 2), "f8", chunks=(4, 1))
    data[:, 0], data[:16, 1] = X, X[:16]
    return range(16 * 2 + 1, N * 2, 2)


def contiguous(file):
    file.create_dataset("x", (N,), "f8")
    return range(N)


def scalar(file):
    file.create_dataset("x", (), "f8")
    return [0]


def external(file):
    raw = file.filename + ".raw"
    X[:7].tofile(raw)
    file.create_dataset("x", (N,), "f8", external=[(raw, 0, 8 * N)])
    return range(7, N)


def virtual(file):
    folder = file.filename.rsplit("/", 1)[0]
    with h5py.File(f"{folder}/part.h5", "w") as part:
        part["x"] = X[:12]
    layout = h5py.VirtualLayout((N,), "f8")
    layout[:12] = h5py.VirtualSource("part.h5", "x", (12,))
    layout[15:] = h5py.VirtualSource("gone.h5", "x", (5,))
    file.create_virtual_dataset("x", layout)
    return range(12, N)


def written(file):
    file["x"] = X
    return []


@pytest.mark.parametrize("make", [chunked, pairs, contiguous, scalar, external, virtual, written])
def test_values_that_were_never_written_are_found_in_any_shape(tmp_path, make):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        want = list(make(file))
    with open_hdf5(str(tmp_path / "a.h5")) as file:
        lost = unwritten(file["x"])
        assert (lost is None) == (not want)
        assert ([] if lost is None else np.flatnonzero(lost).tolist()) == want
        if want:
            with pytest.raises(DataError, match=f"a.h5: /x: {len(want)} of .* values were never written"):
                complete(file["x"], f"{file.filename}: /x")


@pytest.fixture
def path(tmp_path):
    """A scan whose x lacks five values in the middle, and whose mask was never written."""
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["frames"] = np.random.default_rng(0).poisson(5, (N, 32, 32)).astype("u2") + 1
        chunked(file)
        file["y"] = X[::-1].copy()
        file.create_dataset("mask", (32, 32), "u1")
    return str(tmp_path / "scan.h5")


def opened(path, select=None):
    paths = {"frames": "/frames", "x": "/x", "y": "/y", "mask": "/mask"}
    given = Input(file=path, energy=8e3 * 1.602176634e-19, distance=1.0, pixel=55e-6)
    given.select = select or Select()
    return open_scan(path, given, Hdf5(paths=paths))


def test_positions_that_were_never_written_are_refused_and_can_be_left_out(path):
    with pytest.raises(DataError, match=r"5 of 20 positions .* never written.*without: \[5:10\]"):
        opened(path)
    scan = opened(path, Select(without=["5:10"]))
    assert np.allclose(scan.positions[:, 1], X[[*range(5), *range(10, N)]])
    assert any("/x: 5 of 20 values were never written" in note for note in scan.notes)


def test_a_mask_that_was_never_written_masks_nothing_and_that_is_said(path):
    scan = opened(path, Select(without=["5:10"]))
    assert scan.mask is None or scan.mask.all()
    assert any("mask was never written" in note for note in scan.notes)
    with h5py.File(path) as file:
        notes = []
        assert good_pixels(file["mask"], "auto", "nonzero", "mask", notes).all() and notes
