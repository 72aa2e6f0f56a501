"""Compression plug-ins called directly: which are found, and what they give back."""

import h5py
import hdf5plugin
import numpy as np
import pytest

from nanompi.io import filters

FRAME = np.arange(64 * 50, dtype=np.uint16).reshape(64, 50) % 97
FILTERS = {
    32004: hdf5plugin.LZ4(),
    32008: hdf5plugin.Bitshuffle(),
    32015: hdf5plugin.Zstd(),
    32026: hdf5plugin.Blosc2(),
}


@pytest.mark.parametrize("number", FILTERS)
def test_a_chunk_comes_back_as_it_was(tmp_path, number):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("d", data=FRAME, chunks=FRAME.shape, **FILTERS[number])
        raw = data.id.read_direct_chunk((0, 0))[1]
        told = data.id.get_create_plist().get_filter(0)
    assert told[0] == number and filters.plugin(number) is not None
    for bytes_ in (raw, bytearray(raw), np.frombuffer(raw, np.uint8)):
        found = filters.undo(number, told[2], bytes_)
        assert found.dtype == np.uint8 and found.flags.writeable and len(found) == FRAME.nbytes
        assert found.tobytes() == FRAME.tobytes()


def test_other_filters_are_left_to_hdf5():
    assert [filters.plugin(n) for n in (1, 2, 32001, 32013)] == [None] * 4
    assert filters.library(None) is None and filters.library("none") is None


@pytest.mark.parametrize("raw", [b"", b"\x00" * 7, b"nonsense" * 4])
def test_what_is_no_chunk_is_refused(raw):
    with pytest.raises(ValueError, match="the plug-in zstd cannot decompress it"):
        filters.undo(32015, (), raw)
