"""Decompressing straight into the frames: the same values as the slower ways."""

import zlib

import h5py
import hdf5plugin
import numpy as np
import pytest

from nanompi.data.stored import Hdf5Frames
from nanompi.io import chunks, direct
from nanompi.io.hdf5 import open_hdf5

HOW = {"bitshuffle": hdf5plugin.Bitshuffle(cname="lz4"), "gzip": {"compression": "gzip", "shuffle": True}}


def stored(path, how):
    frames = np.random.default_rng(0).poisson(2, (9, 33, 17)).astype(np.uint16)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=frames, chunks=(2, 33, 17), **HOW[how])
    with open_hdf5(str(path)) as file:
        return frames, Hdf5Frames.of(file, "data")


@pytest.mark.parametrize("how", HOW)
def test_the_libraries_are_found_here_and_not_needed(tmp_path, how, monkeypatch):
    frames, source = stored(tmp_path / "a.h5", how)
    assert direct._bitshuffle() and direct._blosc2("zng_uncompress") and direct._blosc2("blosc2_unshuffle")
    fast = source.read(np.arange(9), 2)
    monkeypatch.setattr(direct, "_bitshuffle", lambda: None)
    monkeypatch.setattr(direct, "_blosc2", lambda name: None)
    assert np.array_equal(fast, frames) and np.array_equal(source.read(np.arange(9), 2), frames)


@pytest.mark.parametrize("how", HOW)
def test_whole_chunks_pass_through_no_buffer(tmp_path, how, monkeypatch):
    frames, source = stored(tmp_path / "a.h5", how)
    monkeypatch.setattr(chunks, "undo", lambda *a: pytest.fail("a buffer between"))
    assert np.array_equal(source.read(np.arange(8)), frames[:8])


def test_bitshuffle_of_another_size_or_with_a_tail_is_refused(tmp_path):
    _, source = stored(tmp_path / "a.h5", "bitshuffle")
    chunk = source.take(np.arange(2))[0]
    values = chunk.recipe.filters[0][1]
    with pytest.raises(ValueError, match="in place of"):
        direct.bits(values, chunk.raw, np.empty(100, np.uint8))
    with pytest.raises(ValueError, match="do not end where it ends"):
        direct.bits(values, chunk.raw + b"more", np.empty(2 * 33 * 17 * 2, np.uint8))


@pytest.mark.parametrize("elements", [7, 8, 15, 100, 4096, 4100, 4104, 12_300])
def test_bitshuffle_whose_blocks_do_not_end_with_the_chunk_never_reaches_the_library(tmp_path, elements):
    """It is not told how many bytes there are, and would read on beyond them"""
    values = np.random.default_rng(elements).integers(0, 9, elements).astype(np.uint16)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("d", data=values[None, None], chunks=(1, 1, elements), **HOW["bitshuffle"])
        raw = file["d"].id.read_direct_chunk((0, 0, 0))[1]
        given = chunks.recipe(file["d"]).filters[0][1]
    out = np.zeros(2 * elements, np.uint8)
    assert direct.bits(given, raw, out) and np.array_equal(out.view(np.uint16), values)
    bad = [
        raw[:12],
        raw[:-1],
        raw + b"x",
        raw[:8] + b"\0\0\0\0" + raw[12:],
        raw[:8] + b"\0\0\0\x0e" + raw[12:],
    ]
    bad += [raw[:12] + b"\xff\xff\xff\xff" + raw[16:]] if elements >= 8 else []
    for damaged in bad:
        with pytest.raises(ValueError, match="blocks"):
            direct.bits(given, damaged, out)


def test_gzip_that_is_cut_off_is_left_to_zlib_which_says_why():
    packed, out = zlib.compress(bytes(1000)), np.empty(1000, np.uint8)
    assert direct.inflate(packed, out) and not out.any()
    assert not direct.inflate(packed[:-6], out) and not direct.inflate(packed, out[:999])
