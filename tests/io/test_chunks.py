"""Chunks decompressed outside HDF5: layouts that plain writing does not make, and damage."""

import pickle
import subprocess
import sys
import zlib

import h5py
import hdf5plugin
import numpy as np
import pytest

from nanompi.data.stored import Hdf5Frames
from nanompi.errors import DataError
from nanompi.io import filters
from nanompi.io.chunks import Recipe, unshuffle
from nanompi.io.hdf5 import open_hdf5

HOW = {
    "bitshuffle": {"compression": hdf5plugin.Bitshuffle(cname="lz4")},
    "bitshuffle alone": {"compression": hdf5plugin.Bitshuffle(cname="none")},
    "bitshuffle zstd": {"compression": hdf5plugin.Bitshuffle(cname="zstd")},
    "blosc2": {"compression": hdf5plugin.Blosc2(cname="lz4", filters=2)},
    "lz4": {"compression": hdf5plugin.LZ4()},
    "zstd": {"compression": hdf5plugin.Zstd(), "shuffle": True},
    "shuffle gzip": {"compression": "gzip", "shuffle": True},
}


def source(path) -> Hdf5Frames:
    with open_hdf5(str(path)) as file:
        return Hdf5Frames.of(file, "data")


def store(path, frames, per, how):
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=frames, chunks=(per, *frames.shape[1:]), **HOW[how])
    return source(path)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["u1", "u2", ">u2", "i4", "f8"])
def test_every_codec_gives_what_h5py_reads(tmp_path, how, threads, dtype):
    frames = np.random.default_rng(0).poisson(2, (29, 65, 33)).astype(dtype)  # the last chunk is cut short
    found = store(tmp_path / "a.h5", frames, 6, how)
    with h5py.File(tmp_path / "a.h5") as file:
        plain = file["data"][()]
    for index in (np.arange(29), np.array([28]), np.array([7, 8, 9]), np.array([1, 13, 14, 28])):
        got = found.read(index, threads)
        assert got.dtype.isnative and np.array_equal(got, plain[index])
        assert np.array_equal(np.concatenate([c.frames() for c in found.take(index)]), plain[index])


def test_a_chunk_to_which_no_filter_was_applied(tmp_path):
    frames = np.arange(4 * 64, dtype=np.uint16).reshape(4, 8, 8)
    store(tmp_path / "a.h5", frames, 1, "shuffle gzip")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        data, swapped = file["data"].id, frames[2].tobytes()
        data.write_direct_chunk((1, 0, 0), frames[1].tobytes(), filter_mask=3)
        bytes_first = np.frombuffer(swapped, np.uint8).reshape(-1, 2).T.tobytes()
        data.write_direct_chunk((2, 0, 0), bytes_first, filter_mask=2)  # shuffled, not compressed
        data.write_direct_chunk((3, 0, 0), zlib.compress(frames[3].tobytes()), filter_mask=1)
        plain = file["data"][()]
    assert np.array_equal(plain, frames)
    for threads in (1, 3):
        assert np.array_equal(source(tmp_path / "a.h5").read(np.arange(4), threads), frames)


@pytest.mark.parametrize("how", HOW)
def test_chunks_never_written_hold_the_fill_value(tmp_path, how):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        d = file.create_dataset("data", (7, 8, 8), "u2", chunks=(2, 8, 8), fillvalue=7, **HOW[how])
        d[2:4] = 1
    got = source(tmp_path / "a.h5").read(np.arange(7), 2)
    assert got.min(axis=(1, 2)).tolist() == got.max(axis=(1, 2)).tolist() == [7, 7, 1, 1, 7, 7, 7]


@pytest.mark.parametrize("how", [h for h in HOW if h != "bitshuffle alone"])
@pytest.mark.parametrize("threads", [1, 3])
def test_damaged_chunks_name_file_dataset_and_frames(tmp_path, how, threads):
    frames = np.random.default_rng(0).poisson(2, (24, 32, 32)).astype("u2")
    found = store(tmp_path / "a.h5", frames, 2, how)
    with h5py.File(tmp_path / "a.h5") as file:
        found_at = [file["data"].id.get_chunk_info(k) for k in range(4, 12)]
    with open(tmp_path / "a.h5", "r+b") as file:
        for info in found_at:  # several, so that threads meet them at once
            file.seek(info.byte_offset)
            file.write(b"\xff" * info.size)
    assert np.array_equal(found.read(np.arange(8), threads), frames[:8])
    with pytest.raises(DataError, match=r"a\.h5: data: frames \d+ to \d+ cannot be read"):
        found.read(np.arange(24), threads)


def test_a_chunk_of_the_wrong_size_is_refused():
    recipe = Recipe((), (2, 4, 4), np.dtype("u2"))
    with pytest.raises(ValueError, match="has 10 bytes in place of 64"):
        recipe.decode(bytes(10))


def test_a_chunk_travels_with_its_recipe(tmp_path):
    frames = np.random.default_rng(0).poisson(2, (6, 32, 32)).astype("u2")
    chunks = store(tmp_path / "a.h5", frames, 3, "bitshuffle").take(np.array([1, 4, 5]))
    there = pickle.loads(pickle.dumps(chunks))
    assert np.array_equal(np.concatenate([c.frames() for c in there]), frames[[1, 4, 5]])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8])
def test_unshuffle_puts_the_bytes_of_each_element_together(size):
    plain = np.random.default_rng(0).integers(0, 256, (100, size), dtype=np.uint8)
    assert np.array_equal(unshuffle(2, (size,), plain.T.tobytes()), plain.reshape(-1))


def test_without_the_plug_in_hdf5_reads_itself(tmp_path, monkeypatch):
    frames = np.random.default_rng(0).poisson(2, (6, 32, 32)).astype("u2")
    monkeypatch.setattr("nanompi.io.chunks.plugin", lambda number: None)
    found = store(tmp_path / "a.h5", frames, 3, "bitshuffle")
    assert found.take(np.arange(6)) is None and np.array_equal(found.read(np.arange(6), 2), frames)


def test_memory_of_a_plug_in_lives_as_long_as_its_array():
    libc = filters._libc()
    array = np.asarray(filters.Held(libc.malloc(16), 16))
    array[:] = 9
    assert array[2:].copy().sum() == 14 * 9 and array.base is not None


LOAD = """
import sys
import numpy as np
from nanompi.data import load
from nanompi.io.hdf5 import open_hdf5
from nanompi.data.stored import Hdf5Frames
from nanompi.mpi.team import Team
from nanompi.run.metrics import peak_memory

with open_hdf5(sys.argv[1]) as file:
    source = Hdf5Frames.of(file, "data")
    source.read(np.arange(4))
before, given = peak_memory(), {"threads": 3, "say": lambda text: None}
parts = [np.arange(source.shape[0])]
counts = load.load(Team(alone=True), source, parts, lambda raw, i: raw.copy(), **given)
print(peak_memory() - before, counts.nbytes, int(counts.sum()))
"""


@pytest.mark.parametrize("how", ["bitshuffle", "blosc2"])
def test_loading_needs_little_more_memory_than_the_frames(tmp_path, how):
    frames = np.zeros((1000, 256, 256), np.uint16)  # 131 MB
    frames[:, 128, 128] = 3
    store(tmp_path / "a.h5", frames, 16, how)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path / "a.h5")], capture_output=True, text=True, check=True
    )
    more, size, total = map(int, done.stdout.split())
    assert total == 3000 and size == frames.nbytes
    assert 0.9 * size < more < size + 60e6, f"{more / 1e6:.0f} MB for {size / 1e6:.0f} MB of frames"
