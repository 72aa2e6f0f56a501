"""What of a dataset was never written: HDF5 is asked, where all that is written is not 0."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.io.unwritten import Holes, complete, holes, measured, unwritten

s_ = np.s_


def truth(data):
    """(frames, pixels) that are missing, by what HDF5 reads: 0 where nothing is"""
    there = (data[()] != 0).reshape(-1, *data.shape[-2:])
    some = there.any(0)
    whole = some if some.any() else np.ones_like(some)
    return (whole & ~there).any((1, 2)), ~some & some.any()


def agree(path, name="d"):
    """What `holes` says is what HDF5 reads; the missing frames and the number of missing pixels"""
    with h5py.File(path) as file:
        found, (frames, pixels) = holes(file[name]), truth(file[name])
    assert np.array_equal(found.frames, frames)
    gone = np.zeros_like(pixels) if found.pixels is None else found.pixels
    assert np.array_equal(gone, pixels) and (found.pixels is None) == (not pixels.any())
    return np.flatnonzero(frames).tolist(), int(pixels.sum())


CHUNKS = [  # shape, chunks, what is written, frames lost, pixels lost
    ((7, 10, 13), (2, 4, 5), [s_[:]], [], 0),
    ((7, 10, 13), (2, 4, 5), [s_[:4], s_[6:, :8]], [4, 5, 6], 0),
    ((7, 10, 13), (2, 4, 5), [s_[:, 8:]], [], 8 * 13),
    ((7, 10, 13), (2, 4, 5), [s_[:, :, 10:], s_[:, :4]], [], 6 * 10),
    ((7, 10, 13), (2, 4, 5), [s_[2:4, 8:, 10:]], [0, 1, 4, 5, 6], 10 * 13 - 2 * 3),
    ((7, 10, 13), (7, 10, 13), [], list(range(7)), 0),
    ((1, 8, 9), (1, 8, 4), [s_[:, :, :8]], [], 8),
    ((1, 8, 9), (1, 8, 9), [], [0], 0),
    ((2, 3, 8, 9), (1, 2, 8, 9), [s_[0], s_[1, 2:]], [3, 4], 0),
    ((2, 3, 8, 9), (2, 1, 8, 9), [s_[:, 1:]], [0, 3], 0),
    ((3, 2, 2, 8, 9), (2, 1, 2, 8, 9), [s_[2], s_[:2, 1]], [0, 1, 4, 5], 0),
    ((8, 9), (4, 9), [s_[4:]], [], 4 * 9),
]


@pytest.mark.parametrize("shape, chunks, written, frames, pixels", CHUNKS)
def test_chunks_that_the_index_does_not_name(tmp_path, shape, chunks, written, frames, pixels):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("d", shape, "u2", chunks=chunks)
        for part in written:
            data[part] = 1
    assert agree(tmp_path / "a.h5") == (frames, pixels)


def test_a_dataset_without_chunks_is_whole_or_empty(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("d", (3, 4, 5), "u2")
        file["e"] = np.ones((3, 4, 5), "u2")
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_layout(h5py.h5d.COMPACT)
        h5py.h5d.create(file.id, b"c", h5py.h5t.NATIVE_UINT16, h5py.h5s.create_simple((3, 4, 5)), plan)
        file["c"][()] = 1
    assert agree(tmp_path / "a.h5") == ([0, 1, 2], 0)
    assert agree(tmp_path / "a.h5", "e") == agree(tmp_path / "a.h5", "c") == ([], 0)


FRAME = 4 * 5 * 2  # bytes
EXTERNAL = [  # (bytes of the file, offset, size) for each, frames lost of 6
    ([(6 * FRAME, 0, 6 * FRAME)], []),
    ([(6 * FRAME - 1, 0, 6 * FRAME)], [5]),
    ([(5 * FRAME, 0, 6 * FRAME)], [5]),
    ([(5 * FRAME - 1, 0, 6 * FRAME)], [4, 5]),
    ([(6 * FRAME, 1, 6 * FRAME)], [5]),
    ([(6 * FRAME + 8, 8, 6 * FRAME)], []),
    ([(4, 8, 6 * FRAME)], list(range(6))),
    ([(0, 0, 6 * FRAME)], list(range(6))),
    ([(2 * FRAME, 0, 2 * FRAME), (3 * FRAME, 0, 4 * FRAME)], [5]),
    ([(1 * FRAME, 0, 2 * FRAME), (4 * FRAME, 0, 4 * FRAME)], [1]),
    ([(FRAME + 10, 0, FRAME + 30), (9 * FRAME, 0, 9 * FRAME)], [1]),  # the end of a piece within a frame
    ([(FRAME + 30, 0, FRAME + 30), (9 * FRAME, 0, 9 * FRAME)], []),
    ([(2 * FRAME, 0, 2 * FRAME), (4, 8, 4 * FRAME)], [2, 3, 4, 5]),  # shorter than its offset
    ([(9 * FRAME, 0, h5py.h5f.UNLIMITED)], []),
]


@pytest.mark.parametrize("files, lost", EXTERNAL)
def test_external_files(tmp_path, monkeypatch, files, lost):
    monkeypatch.chdir(tmp_path)
    for k, (size, _, _) in enumerate(files):
        (tmp_path / f"{k}.raw").write_bytes(b"\1" * size)
    with h5py.File("a.h5", "w") as file:
        file.create_dataset(
            "d", (6, 4, 5), "u2", external=[(f"{k}.raw", *f[1:]) for k, f in enumerate(files)]
        )
    with h5py.File("a.h5") as file:
        assert np.flatnonzero(holes(file["d"]).frames).tolist() == lost
        read = np.frombuffer(file["d"][()].tobytes(), np.uint8).reshape(6, -1)
    assert np.flatnonzero((read == 0).any(1)).tolist() == lost  # HDF5 reads zeros there


SHAPE = (12, 9, 10)
SOURCES = {"whole": (SHAPE, s_[:]), "five": ((5, 9, 10), s_[:]), "torn": (SHAPE, s_[:8]),
           "one": ((9, 10), s_[:]), "raster": ((3, 4, 9, 10), s_[:2])}  # shape, what is there  # fmt: skip
VIRTUAL = [  # lines (where to, source, its size as the writer believed, what of it), frames lost, pixels lost
    ([(s_[:], "whole", SHAPE, s_[:])], [], 0),
    ([(s_[:], "torn", SHAPE, s_[:])], [8, 9, 10, 11], 0),
    ([(s_[1:6], "five", (5, 9, 10), s_[:]), (s_[7:12], "five", (5, 9, 10), s_[:])], [0, 6], 0),
    ([(s_[:], "five", SHAPE, s_[:])], list(range(5, 12)), 0),
    ([(s_[:8], "five", SHAPE, s_[2:10]), (s_[8:], "whole", SHAPE, s_[:4])], [3, 4, 5, 6, 7], 0),
    ([(s_[::3], "torn", SHAPE, s_[6:10]), (s_[1::3], "whole", SHAPE, s_[:8:2])], [2, 5, 6, 8, 9, 11], 0),
    ([(s_[:, :4], "whole", SHAPE, s_[:, :4]), (s_[:, 5:, 2:], "torn", SHAPE, s_[:, 4:8, :8])],
     [8, 9, 10, 11], 10 + 4 * 2),
    ([(s_[3], "one", (9, 10), s_[:])], [k for k in range(12) if k != 3], 0),
    ([(s_[:], "raster", (3, 4, 9, 10), s_[:])], [8, 9, 10, 11], 0),
    ([(s_[:4], "raster", (3, 4, 9, 10), s_[1:3, 1:3]), (s_[4:], "torn", SHAPE, s_[:8])], [2, 3], 0),
    ([(s_[:], "gone", SHAPE, s_[:])], list(range(12)), 0),
    ([(s_[:3], "torn", SHAPE, s_[[0, 2, 9]]), (s_[3:], "whole", SHAPE, s_[3:])], [2], 0),  # no regular steps
    ([(s_[[0, 1, 5, 7]], "torn", SHAPE, s_[[6, 7, 8, 11]]), (s_[2:5], "five", (5, 9, 10), s_[:3]),
      (s_[8:], "whole", SHAPE, s_[:4])], [5, 6, 7], 0),
]  # fmt: skip


@pytest.mark.parametrize("lines, frames, pixels", VIRTUAL)
def test_virtual_datasets(tmp_path, lines, frames, pixels):
    for name, (shape, part) in SOURCES.items():
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            lead = (1,) * (len(shape) - 2)
            file.create_dataset("d", shape, "u2", chunks=(*lead, 9, 10))[part] = 1
    layout = h5py.VirtualLayout(SHAPE, "u2")
    for to, name, shape, part in lines:
        layout[to] = h5py.VirtualSource(f"{name}.h5", "d", shape)[part]
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file.create_virtual_dataset("d", layout)
    assert agree(tmp_path / "v.h5") == (frames, pixels)


def endless(path, block, name, dataset, source, most):
    """A virtual dataset of blocks of `block` frames (4, 5), of `%b` files or of one that grows"""
    every = h5py.h5s.UNLIMITED
    with h5py.File(path, "w") as file:
        to = h5py.h5s.create_simple((most, 4, 5), (every, 4, 5))
        to.select_hyperslab((0, 0, 0), (every, 1, 1), (block, 1, 1), (block, 4, 5))
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        at = h5py.h5s.create_simple(source, (every, 4, 5))
        if "%b" in name + dataset:
            at = h5py.h5s.create_simple(source)
        else:
            at.select_hyperslab((0, 0, 0), (every, 1, 1), (1, 1, 1), (1, 4, 5))
        plan.set_virtual(to, name.encode(), dataset.encode(), at)
        h5py.h5d.create(file.id, b"d", h5py.h5t.NATIVE_UINT16, to, plan)


@pytest.mark.parametrize("name, dataset", [("p%b.h5", "d"), ("all.h5", "d%b"), ("p%b%%.h5", "d")])
@pytest.mark.parametrize("block", [1, 3])
def test_a_line_that_stands_for_many_sources(tmp_path, block, name, dataset):
    for k in range(4):
        place = name.replace("%b", str(k)).replace("%%", "%"), dataset.replace("%b", str(k))
        with h5py.File(tmp_path / place[0], "a") as file:
            data = file.create_dataset(place[1], (block, 4, 5), "u2", chunks=(1, 4, 5))
            data[: block if k != 2 else block - 1] = 1
    endless(tmp_path / "v.h5", block, name, dataset, (block, 4, 5), 4 * block)
    assert agree(tmp_path / "v.h5") == ([3 * block - 1], 0)


def test_a_line_that_grows_with_its_source(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        data = file.create_dataset("d", (7, 4, 5), "u2", chunks=(1, 4, 5), maxshape=(None, 4, 5))
        data[:6] = 1
    endless(tmp_path / "v.h5", 1, "s.h5", "d", (7, 4, 5), 7)
    assert agree(tmp_path / "v.h5") == ([6], 0)


def test_a_block_that_grows_with_its_source(tmp_path):
    every = h5py.h5s.UNLIMITED
    with h5py.File(tmp_path / "s.h5", "w") as file:
        data = file.create_dataset("d", (7, 4, 5), "u2", chunks=(1, 4, 5), maxshape=(None, 4, 5))
        data[:5] = 1
    with h5py.File(tmp_path / "v.h5", "w") as file:
        to = h5py.h5s.create_simple((7, 4, 5), (every, 4, 5))
        to.select_hyperslab((0, 0, 0), (1, 1, 1), (1, 1, 1), (every, 4, 5))
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_virtual(to, b"s.h5", b"d", to)
        h5py.h5d.create(file.id, b"d", h5py.h5t.NATIVE_UINT16, to, plan)
    assert agree(tmp_path / "v.h5") == ([5, 6], 0)


@pytest.mark.parametrize("levels, good", [(3, True), (4, False)])
def test_virtual_datasets_of_virtual_datasets(tmp_path, monkeypatch, levels, good):
    monkeypatch.setattr("nanompi.io.unwritten.DEEPEST", 2)
    with h5py.File(tmp_path / "0.h5", "w") as file:
        file["d"] = np.ones(SHAPE, "u2")
    for k in range(1, levels + 1):
        layout = h5py.VirtualLayout(SHAPE, "u2")
        layout[1:] = h5py.VirtualSource(f"{k - 1}.h5", "d", SHAPE)[:-1]
        with h5py.File(tmp_path / f"{k}.h5", "w") as file:
            file.create_virtual_dataset("d", layout)
    if good:
        assert agree(tmp_path / f"{levels}.h5") == ([0, 1, 2], 0)
    else:
        with pytest.raises(DataError, match="leads back to itself"):
            agree(tmp_path / f"{levels}.h5")


def test_single_bytes(tmp_path, monkeypatch):
    """One byte is written, or is not: also of a scalar, and of bytes in another file"""
    monkeypatch.chdir(tmp_path)
    for name, size in (("four", 4), ("none", 0)):
        (tmp_path / name).write_bytes(b"\1" * size)
    with h5py.File("a.h5", "w") as file:
        file["one"] = np.uint8(1)
        file.create_dataset("no", (), "u1")
        assert unwritten(file["one"]) is None and unwritten(file["no"]).tolist() is True
        for name, lost in (("four", [0, 0, 0, 0, 1, 1]), ("none", [1] * 6), ("gone", [1] * 6)):
            data = file.create_dataset(name, (6,), "u1", external=[(name, 0, 6)])
            assert unwritten(data).tolist() == np.array(lost, bool).tolist()


@pytest.mark.parametrize(
    "shape, chunks, written",
    [
        ((), None, []),
        ((1,), None, []),
        ((1,), (1,), []),
        ((7,), (3,), [s_[3:6]]),
        ((7,), (3,), [s_[:3], s_[6:]]),
        ((7, 2), (2, 1), [s_[:, 0], s_[:4, 1]]),
        ((2, 7), (1, 3), [s_[0], s_[1, :3]]),
        ((2, 3, 4), (1, 2, 3), [s_[0], s_[1, :2]]),
        ((5,), (5,), [s_[:]]),
    ],
)
def test_values_of_a_small_dataset(tmp_path, shape, chunks, written):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("d", shape, "i4", chunks=chunks)
        for part in written:
            data[part] = 5
    with h5py.File(tmp_path / "a.h5") as file:
        data, notes = file["d"], []
        lost, out = unwritten(data), measured(data, "a.h5: /d", notes)
        want = data[()] == 0
        assert np.array_equal(np.zeros(shape, bool) if lost is None else lost, want)
        assert (lost is None) == (not want.any()) == (not notes)
        assert np.array_equal(out, np.where(want, np.nan, data[()]), equal_nan=True)
        if want.any():
            assert f"{want.sum()} of {want.size} values" in notes[0]
            with pytest.raises(DataError, match="is this the right dataset"):
                complete(data, "a.h5: /d")
        else:
            assert out.dtype == np.int32 and np.array_equal(complete(data, "a.h5: /d"), data[()])
        assert unwritten(data[()]) is None


def test_text_and_nothing_have_no_values_to_miss(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("t", (3,), "S4", chunks=(1,))[0] = b"um"
        file["e"] = h5py.Empty("f8")
        assert measured(file["t"], "t", notes := []).tolist() == [b"um", b"", b""] and not notes
        assert unwritten(file["e"]) is None


def test_holes_of_some_and_of_several():
    gap = np.array([[True, False], [False, True]])
    one, two = Holes(np.array([True, False]), gap), Holes(np.array([False]), gap.T & gap[:1])
    assert Holes.joined([one, two]).frames.tolist() == [True, False, False]
    assert Holes.joined([one, two]).pixels.tolist() == [[True, False], [False, False]]
    assert Holes.joined([one, Holes.none(2)]).pixels is None
    assert one.some([1]).frames.tolist() == [False] and one.some([1]).pixels is gap
