"""Frames read by index equal those which plain h5py reads, whatever the storage."""

import pickle

import blosc2  # noqa: F401
import h5py
import hdf5plugin
import numpy as np
import pytest

from nanompi.data.combined import JoinedFrames
from nanompi.data.source import SelectedFrames
from nanompi.data.stored import Hdf5Frames, runs
from nanompi.errors import DataError, ResourceError
from nanompi.io.chunks import recipe
from nanompi.io.hdf5 import dataset, open_hdf5

STORAGE = {
    "contiguous": {},
    "chunks of one": {"chunks": (1, 24, 20)},
    "chunks of seven": {"chunks": (7, 24, 20)},
    "parts of frames": {"chunks": (5, 12, 7), "compression": "gzip"},
    "gzip": {"chunks": (1, 24, 20), "compression": "gzip"},
    "gzip of four": {"chunks": (4, 24, 20), "compression": "gzip"},
    "shuffle gzip": {"chunks": (1, 24, 20), "compression": "gzip", "shuffle": True},
    "shuffle gzip of four": {"chunks": (4, 24, 20), "compression": "gzip", "shuffle": True},
    "fletcher gzip": {"chunks": (4, 24, 20), "compression": "gzip", "fletcher32": True},
    "lzf": {"chunks": (3, 24, 20), "compression": "lzf"},
    "bitshuffle": {"chunks": (1, 24, 20), "compression": hdf5plugin.Bitshuffle(cname="lz4")},
    "bitshuffle of six": {"chunks": (6, 24, 20), "compression": hdf5plugin.Bitshuffle(cname="lz4")},
    "blosc2": {"chunks": (1, 24, 20), "compression": hdf5plugin.Blosc2(cname="lz4")},
    "blosc2 of eight": {"chunks": (8, 24, 20), "compression": hdf5plugin.Blosc2(cname="zstd")},
    "zstd": {"chunks": (1, 24, 20), "compression": hdf5plugin.Zstd()},
}
BY_HDF5 = {"contiguous", "chunks of one", "chunks of seven", "parts of frames", "fletcher gzip", "lzf"}


def store(path, frames, **how):
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=frames, **how)
    return source(path)


def source(path, name="data"):
    with open_hdf5(str(path)) as file:
        return Hdf5Frames.of(file, name)


def index_sets(n):
    rng = np.random.default_rng(0)
    yield np.arange(n)
    yield np.array([n - 1])
    yield np.empty(0, int)
    yield np.sort(rng.choice(n, n // 2, replace=False))
    yield rng.choice(n, n // 2, replace=False)
    yield rng.integers(0, n, 2 * n)


@pytest.mark.parametrize("how", STORAGE)
@pytest.mark.parametrize("dtype", ["u2", "i4", "f4"])
def test_read_equals_plain_indexing(tmp_path, known, how, dtype):
    frames = known.frames.astype(dtype)
    found = store(tmp_path / "a.h5", frames, **STORAGE[how])
    for index in index_sets(len(frames)):
        for threads in (1, 2, 3):
            got = found.read(index, threads)
            assert got.dtype == frames.dtype and got.flags.c_contiguous
            assert np.array_equal(got, frames[index])


@pytest.mark.parametrize("how", STORAGE)
def test_chunks_that_are_known_are_decompressed_outside_of_hdf5(tmp_path, known, how):
    store(tmp_path / "a.h5", known.frames, **STORAGE[how])
    with open_hdf5(str(tmp_path / "a.h5")) as file:
        assert (recipe(dataset(file, "data")) is None) == (how in BY_HDF5)


def test_big_endian_frames_become_native(tmp_path, known):
    for k, how in enumerate(({}, {"chunks": (2, 24, 20), "compression": "gzip", "shuffle": True})):
        found = store(tmp_path / f"{k}.h5", known.frames.astype(">u2"), **how)
        got = found.read([4, 2])
        assert got.dtype == np.dtype("u2") and got.dtype.isnative
        assert np.array_equal(got, known.frames[[4, 2]])


def test_chunks_never_written_hold_the_fill_value(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        d = file.create_dataset("data", (6, 8, 8), "u2", chunks=(2, 8, 8), compression="gzip", fillvalue=7)
        d[2:4] = 1
    got = source(tmp_path / "a.h5").read([5, 3, 0])
    assert [int(f.max()) for f in got] == [7, 1, 7] and [int(f.min()) for f in got] == [7, 1, 7]


@pytest.mark.parametrize(
    "how", [{}, {"chunks": (1, 1, 24, 20), "compression": "gzip"}, {"chunks": (2, 3, 24, 20)}]
)
def test_a_raster_of_frames_is_counted_row_by_row(tmp_path, known, how):
    found = store(tmp_path / "a.h5", known.frames.reshape(5, 6, 24, 20), **how)
    assert found.shape == (30, 24, 20)
    for index in index_sets(30):
        assert np.array_equal(found.read(index, 2), known.frames[index])


def test_links_and_virtual_datasets(tmp_path, known):
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file["a"] = known.frames[:10]
    layout = h5py.VirtualLayout((10, 24, 20), "u2")
    layout[:] = h5py.VirtualSource("raw.h5", "a", (10, 24, 20))
    with h5py.File(tmp_path / "master.h5", "w") as file:
        file["outside"] = h5py.ExternalLink("raw.h5", "/a")
        file["soft"] = h5py.SoftLink("/outside")
        file.create_virtual_dataset("virtual", layout)
        file["broken"] = h5py.SoftLink("/nowhere")
        file["lost"] = h5py.ExternalLink("gone.h5", "/a")
    for name in ("outside", "soft", "virtual"):
        assert np.array_equal(source(tmp_path / "master.h5", name).read([9, 0]), known.frames[[9, 0]])
    with pytest.raises(DataError, match="broken links to /nowhere, which does not exist"):
        source(tmp_path / "master.h5", "broken")
    with pytest.raises(DataError, match=r"gone\.h5, which cannot be opened"):
        source(tmp_path / "master.h5", "lost")
    (tmp_path / "raw.h5").unlink()
    with pytest.raises(DataError, match=r"1 of its 1 files are missing, first raw\.h5"):
        source(tmp_path / "master.h5", "virtual")


def test_a_source_travels_without_its_open_file(tmp_path, known):
    found = store(tmp_path / "a.h5", known.frames)
    found.read([0])
    text = pickle.dumps(found)
    assert len(text) < 1000
    other = pickle.loads(text)
    assert other._open is None and np.array_equal(other.read([7]), known.frames[[7]])
    assert other.reachable()
    (tmp_path / "a.h5").unlink()
    assert not pickle.loads(text).reachable()


def test_a_frame_that_is_not_there_is_named(tmp_path, known):
    found = store(tmp_path / "a.h5", known.frames)
    with pytest.raises(DataError, match="frame 30 is asked for; it has the frames 0 to 29"):
        found.read([3, 30])
    with pytest.raises(DataError, match="frame -1"):
        found.read([-1])


@pytest.mark.parametrize("how", ["gzip", "blosc2", "fletcher gzip"])
def test_a_damaged_chunk_names_file_dataset_and_frame(tmp_path, known, how):
    store(tmp_path / "a.h5", known.frames, **STORAGE[how])
    with h5py.File(tmp_path / "a.h5") as file:
        info = file["data"].id.get_chunk_info(2)
    with open(tmp_path / "a.h5", "r+b") as file:
        file.seek(info.byte_offset)
        file.write(b"\xff" * info.size)
    first = info.chunk_offset[0]
    with pytest.raises(DataError, match=rf"a\.h5: data: frames {first} to .* cannot be read"):
        source(tmp_path / "a.h5").read([first])


def test_a_filter_that_nobody_has_is_named(tmp_path, known):
    space = h5py.h5s.create_simple((4, 8, 8))
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((1, 8, 8))
    plan.set_filter(31999, h5py.h5z.FLAG_OPTIONAL)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_UINT16, space, plan)
    with pytest.raises(ResourceError, match=r"filter unknown \(31999\)"):
        source(tmp_path / "a.h5")


def test_joined_and_selected_frames(tmp_path, known):
    a = store(tmp_path / "a.h5", known.frames[:11])
    b = store(tmp_path / "b.h5", known.frames[11:], chunks=(4, 24, 20), compression="gzip")
    both = JoinedFrames.of([a, b], "test")
    for index in index_sets(30):
        assert np.array_equal(both.read(index, 2), known.frames[index])
    part = SelectedFrames(both, np.arange(1, 30, 3))
    assert np.array_equal(part.read(np.arange(10)), known.frames[1::3])
    with pytest.raises(DataError, match="0 to 9"):
        part.read([10])


def test_runs_join_neighbours_and_frames_of_a_chunk():
    wanted = np.array([0, 1, 2, 5, 7, 8])
    assert runs(wanted) == [(0, 3), (3, 4), (4, 6)]
    assert runs(wanted, 4) == [(0, 3), (3, 6)]


def test_blosc2_blocks_that_cut_rows_and_columns_are_put_in_order(tmp_path):
    frames = np.arange(16 * 128 * 128, dtype="u4").reshape(16, 128, 128)
    how = {"chunks": (8, 128, 128), "compression": hdf5plugin.Blosc2(cname="lz4")}
    assert np.array_equal(store(tmp_path / "a.h5", frames, **how).read([15, 2], 2), frames[[15, 2]])


@pytest.mark.parametrize("storage", [{}, {"chunks": (2, 3, 2), "compression": "gzip"}])
@pytest.mark.parametrize("core", [1, 2, 3])
def test_rows_of_one_to_three_dimensions(tmp_path, storage, core):
    shape = (7, 4, 2, 5) if core == 3 else (7, 4, 10)
    values = np.arange(280, dtype="u2").reshape(shape)
    how = storage and {**storage, "chunks": (*storage["chunks"], 1)[: len(shape)]}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", data=values, **how)
    with open_hdf5(str(tmp_path / "a.h5")) as file:
        one = Hdf5Frames.of(file, "data", core)
    rows = values.reshape(-1, *values.shape[values.ndim - core :])
    assert one.shape == rows.shape and not one.holes().frames.any()
    for index in ([0], [len(rows) - 1, 0, 3], np.arange(len(rows))):
        assert np.array_equal(one.read(np.array(index), 2), rows[index])
