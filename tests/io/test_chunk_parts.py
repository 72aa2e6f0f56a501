"""Which frames are read together, and each step from a chunk's bytes to its frames."""

import ctypes
import struct
import zlib
from types import SimpleNamespace

import h5py
import hdf5plugin
import numpy as np
import pytest

from nanompi.data import stored
from nanompi.data.stored import Hdf5Frames, runs
from nanompi.errors import DataError
from nanompi.io import chunks, direct
from nanompi.io.chunks import GZIP, SHUFFLE, Recipe, Stored, recipe, take
from nanompi.io.hdf5 import open_hdf5


def source(chunk=1, shape=(30, 8, 8)):
    return Hdf5Frames("f", "/d", shape, np.dtype("u2"), chunk)


@pytest.mark.parametrize(
    "wanted, chunk, parts, together",
    [
        ([], 1, [], []),
        ([3], 1, [(0, 1)], [(0, 1)]),
        ([3, 4], 1, [(0, 1), (1, 2)], [(0, 2)]),
        ([3, 4, 6], 1, [(0, 1), (1, 2), (2, 3)], [(0, 2), (2, 3)]),
        ([3, 5], 4, [(0, 1), (1, 2)], [(0, 1), (1, 2)]),
        ([4, 7], 4, [(0, 2)], [(0, 2)]),
        ([3, 4], 4, [(0, 1), (1, 2)], [(0, 2)]),
        ([0, 3, 4, 8, 11], 4, [(0, 2), (2, 3), (3, 5)], [(0, 3), (3, 5)]),
    ],
)
def test_frames_of_one_chunk_and_neighbours(wanted, chunk, parts, together):
    wanted = np.array(wanted, int)
    assert source(chunk)._parts(wanted) == parts and runs(wanted, chunk) == together


def read_plain(data, lead, wanted, out, chunk=1):
    """Some frames of a dataset which a source has opened; lead: its shape before that of a frame"""
    one = source(chunk)
    one._open = (None, data, None, lead)
    one._read_plain(data, np.array(wanted), out)


class Plain:
    """A dataset that notes how it is read"""

    def __init__(self, values):
        self.values, self.ndim, self.shape, self.read = values, values.ndim, values.shape, []

    def read_direct(self, out, of, to):
        self.read.append(("direct", of[0].start, of[0].stop))
        out[to] = self.values[of]

    def __getitem__(self, key):
        of = key[0] if isinstance(key, tuple) and len(key) == 1 else key
        self.read.append(of if isinstance(of, tuple) else (of.start, of.stop))
        return self.values[key]


@pytest.mark.parametrize(
    "wanted, chunk, read",
    [
        ([2, 3, 4], 1, [("direct", 2, 5)]),
        ([2, 4], 1, [("direct", 2, 3), ("direct", 4, 5)]),
        ([4, 6, 7], 4, [(4, 8)]),
        ([1, 4, 6], 4, [("direct", 1, 2), (4, 7)]),
    ],
)
def test_how_hdf5_is_asked(wanted, chunk, read):
    values = np.arange(10 * 6, dtype="u2").reshape(10, 2, 3)
    for shape in ((10, 2, 3), (5, 2, 2, 3)):
        data, out = Plain(values.reshape(shape)), np.empty((len(wanted), 2, 3), "u2")
        read_plain(data, shape[:-2], wanted, out, chunk)
        assert np.array_equal(out, values[wanted])
        assert len(shape) == 4 or data.read == read
    out = np.empty((1, 2, 3), "u2")
    read_plain(Plain(values[3]), (), [0], out)
    assert np.array_equal(out[0], values[3])


def test_frames_that_hdf5_cannot_read_are_named():
    data = SimpleNamespace(ndim=3, read_direct=lambda *a: 1 / 0)
    with pytest.raises(DataError, match=r"f: /d: frames 4 to 6 cannot be read \(division"):
        read_plain(data, (9,), [4, 5, 6], np.empty((3, 8, 8)))
    data.read_direct = lambda *a: (_ for _ in ()).throw(MemoryError())
    with pytest.raises(MemoryError):
        read_plain(data, (9,), [4], np.empty((1, 8, 8)))


@pytest.mark.parametrize(
    "shape, how, chunk",
    [
        ((6, 8, 9), {}, 1),
        ((6, 8, 9), {"chunks": (4, 8, 9)}, 4),
        ((6, 8, 9), {"chunks": (3, 4, 9), "compression": "gzip"}, 3),
        ((2, 3, 8, 9), {"chunks": (2, 3, 8, 9)}, 1),
        ((8, 9), {"chunks": (4, 9)}, 1),
    ],
)
def test_the_source_of_a_dataset(tmp_path, shape, how, chunk):
    values = np.arange(np.prod(shape)).reshape(shape)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("d", data=values, dtype=">i4", **how)
    with open_hdf5(str(tmp_path / "a.h5")) as file:
        found = Hdf5Frames.of(file, "d")
    n = int(np.prod(shape[:-2]))
    assert found.chunk == chunk and found.shape == (n, *shape[-2:]) and found.dtype == np.dtype("=i4")
    assert Hdf5Frames("f", "/d", (n, 8, 8), found.dtype).chunk == 1
    for index in (np.arange(n), [n - 1], [n - 1, 0]):
        assert np.array_equal(found.read(index), values.reshape(n, *shape[-2:])[index])
    with pytest.raises(DataError, match=f"frame {n} is asked for; it has the frames 0 to {n - 1}"):
        found.read([n]) if found.take([0]) is None else found.take([n])
    assert (found.take([0]) is None) == ("compression" not in how or how["chunks"][-2:] != shape[-2:])


@pytest.mark.parametrize("room, starts", [(1, 5), (2 * 4 * 81 * 2 - 1, 5), (2 * 4 * 81 * 2, 3), (1 << 20, 1)])
def test_small_chunks_are_handed_out_together(tmp_path, monkeypatch, room, starts):
    """Five chunks of 4 frames of 9 x 9 pixels of 2 bytes, as many at once as fit into `room`"""
    values = np.random.default_rng(0).poisson(5, (18, 9, 9)).astype("u2")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("d", data=values, chunks=(4, 9, 9), compression="gzip")
    with open_hdf5(str(tmp_path / "a.h5")) as file:
        found = Hdf5Frames.of(file, "d")
    asked = []

    class Pool:
        def __init__(self, threads):
            asked.append(threads)

        __enter__, __exit__ = lambda self: self, lambda self, *a: None

        def map(self, work, some):
            asked.append(len(some))
            return map(work, some)

    monkeypatch.setattr(stored, "TOGETHER", room)
    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor", Pool)
    assert np.array_equal(found.read(np.arange(18), 2), values) and asked == [2, starts]
    assert np.array_equal(found.read(np.arange(18), 1), values) and asked == [2, starts]  # no pool for one
    assert np.array_equal(found.read(np.arange(4), 3), values[:4]) and asked == [2, starts]  # one chunk


# ---- from bytes to frames


def packed(values, filters, skip=0):
    """Bytes of a chunk, as HDF5 writes them: filter k is left out where bit k of `skip` is set"""
    raw = values.tobytes()
    for k, (number, given) in enumerate(filters):
        if skip >> k & 1:
            continue
        if number == SHUFFLE:
            raw = np.frombuffer(raw, np.uint8).reshape(-1, given[0]).T.tobytes()
        else:
            raw = zlib.compress(raw)
    return raw


FILTERS = [(), ((SHUFFLE, (2,)),), ((GZIP, (4,)),), ((SHUFFLE, (2,)), (GZIP, (4,)))]


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7)])
def test_filters_are_undone_from_the_last_to_the_first(filters, dtype, shape):
    values = (np.arange(np.prod(shape)) * 77).astype(dtype).reshape(shape)
    how = Recipe(filters, shape, np.dtype(dtype))
    assert how.nbytes == 2 * np.prod(shape)
    for skip in range(4):
        raw, out = packed(values, filters, skip), np.zeros(shape, "u2")
        found = how.decode(raw, skip)
        how.into(out, raw, skip)
        assert found.dtype.isnative and np.array_equal(found, values) and np.array_equal(out, values)


def test_a_chunk_of_the_wrong_size_is_told_also_on_the_short_way():
    how = Recipe(((GZIP, (4,)),), (2, 4, 4), np.dtype("u2"))
    for wrong in (62, 66):
        for work in (how.decode, lambda raw: how.into(np.zeros((2, 4, 4), "u2"), raw)):
            with pytest.raises(ValueError, match=f"a chunk has {wrong} bytes in place of 64"):
                work(zlib.compress(bytes(wrong)))


@pytest.mark.parametrize(
    "shape, how, first",
    [
        ((6, 8, 9), {"chunks": (4, 8, 9), "compression": "gzip"}, (4, 8, 9)),
        ((2, 3, 8, 9), {"chunks": (1, 1, 8, 9), "compression": "gzip"}, (1, 8, 9)),
        ((2, 3, 8, 9), {"chunks": (2, 1, 8, 9), "compression": "gzip"}, None),
        ((2, 3, 8, 9), {"chunks": (1, 3, 8, 9), "compression": "gzip"}, None),
        ((6, 8, 9), {"chunks": (1, 4, 9), "compression": "gzip"}, None),
        ((6, 8, 9), {"chunks": (1, 8, 3), "compression": "gzip"}, None),
        ((6, 8, 9), {"chunks": (1, 8, 9)}, None),
        ((6, 8, 9), {"chunks": (1, 8, 9), "compression": "gzip", "fletcher32": True}, None),
        ((6, 8, 9), {"chunks": (1, 8, 9), "compression": "gzip", "dtype": "c8"}, None),
        ((6, 8, 9), {"chunks": (1, 8, 9), "compression": "gzip", "dtype": "?"}, None),
        ((6, 8, 9), {}, None),
        ((8, 9), {"chunks": (8, 9), "compression": "gzip"}, None),
    ],
)
def test_which_chunks_are_known(tmp_path, shape, how, first):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        found = recipe(file.create_dataset("d", shape, **{"dtype": "u2"} | how))
        assert (found and found.shape) == first and (not found or found.filters == ((GZIP, (4,)),))


def test_a_chunk_by_its_first_frame_over_all_leading_dimensions(tmp_path):
    values = np.arange(6 * 16, dtype="u2").reshape(2, 3, 4, 4)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset(
            "d", (2, 3, 4, 4), "u2", chunks=(1, 1, 4, 4), compression="gzip", fillvalue=9
        )
        data[:, :2] = values[:, :2]
        for k in range(6):
            one = take(data, (2, 3), recipe(data), "a: d", k, np.array([0]))
            assert np.array_equal(one.frames()[0], values[k // 3, k % 3] if k % 3 < 2 else np.full((4, 4), 9))
            assert len(one) == 1 and one.first == k and (one.skip == 0) == (k % 3 < 2)


@pytest.mark.parametrize("pick", [[0], [2], [0, 1, 2], [0, 2], [1, 2]])
def test_the_frames_that_are_wanted_of_a_chunk(pick):
    values = np.arange(12, dtype="u2").reshape(3, 2, 2)
    one = Stored(
        Recipe(FILTERS[3], (3, 2, 2), values.dtype), "f: d", 6, 0, packed(values, FILTERS[3]), np.array(pick)
    )
    for dtype in ("u2", "f4"):
        out = np.zeros((len(pick), 2, 2), dtype)
        one.into(out)
        assert np.array_equal(out, values[pick]) and np.array_equal(one.frames(), values[pick])
    one.raw = one.raw[:-7]
    for work in (one.frames, lambda: one.into(out)):
        with pytest.raises(DataError, match="f: d: frames 6 to 8 cannot be read"):
            work()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9])
def test_bytes_put_together_by_numpy(monkeypatch, size):
    """Where the library is missing: all first bytes, then all second ones, ... -> the elements"""
    monkeypatch.setattr(direct, "_blosc2", lambda name: None)
    plain = np.random.default_rng(0).integers(0, 256, (33, size), dtype=np.uint8)
    assert np.array_equal(chunks.unshuffle(SHUFFLE, (size,), plain.T.tobytes()), plain.reshape(-1))
    values = np.arange(33, dtype="u2") * 1999
    out = np.zeros((33, 1, 1), "u2")
    Recipe(((SHUFFLE, (2,)),), (33, 1, 1), values.dtype).into(out, packed(values, ((SHUFFLE, (2,)),)))
    assert np.array_equal(out.ravel(), values)


# ---- libraries called directly


def test_what_bitshuffle_is_not_asked_to_do(tmp_path):
    values = np.arange(6 * 15, dtype="u2").reshape(2, 9, 5)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("d", data=values, chunks=(2, 9, 5), **hdf5plugin.Bitshuffle(cname="lz4"))
        raw, given = data.id.read_direct_chunk((0, 0, 0))[1], recipe(data).filters[0][1]
    out = np.zeros(180, np.uint8)
    assert direct.bits((999, 997, *given[2:]), raw, out) and np.array_equal(out.view("u2"), values.ravel())
    assert direct.bits((*given[:3], 8, *given[4:], 5), raw, out)  # what counts are its second and fourth
    assert not direct.bits(given[:4], raw, out) and not direct.bits((*given[:4], 3), raw, out)
    assert not direct.bits(given, raw[:11], out) and not direct.bits(given, raw, out[:-1])
    with pytest.raises(ValueError, match="a chunk has 180 bytes in place of 178"):
        direct.bits(given, raw, out[:-2])
    with pytest.raises(ValueError, match="a chunk has 5 bytes in place of 180"):
        direct.bits(given, struct.pack(">qi", 5, 8), out)


def test_what_the_short_way_takes(monkeypatch):
    packed_bytes, out = zlib.compress(b"abcd" * 9), np.zeros(36, np.uint8)
    assert direct.inflate(bytearray(packed_bytes), out) and out.tobytes() == b"abcd" * 9
    assert not direct.inflate(packed_bytes, np.zeros(37, np.uint8))
    assert not direct.inflate(packed_bytes, np.zeros(35, np.uint8))
    planes = np.frombuffer(b"acegbdfh", np.uint8)
    assert direct.unshuffle(2, planes, out[:8]) and out[:8].tobytes() == b"abcdefgh"
    assert not direct.unshuffle(2, planes, out[:6])
    huge = lambda n: SimpleNamespace(nbytes=n, ctypes=SimpleNamespace(data=0))  # noqa: E731
    monkeypatch.setattr(direct, "_blosc2", lambda name: lambda width, size, *where: size)
    assert direct.unshuffle(2, huge(2**31 - 1), huge(2**31 - 1))  # the library counts in 32 bits
    assert not direct.unshuffle(2, huge(2**31), huge(2**31))


def test_a_library_that_gives_wrong_values_or_says_so_is_not_trusted():
    inflate, unshuffle = direct._blosc2("zng_uncompress"), direct._blosc2("blosc2_unshuffle")
    assert direct._inflates(inflate) and direct._unshuffles(unshuffle)
    for trial, work, good in ((direct._inflates, inflate, 0), (direct._unshuffles, unshuffle, 600)):
        assert not trial(lambda *given, good=good: good)  # does nothing and says that all is well
        assert not trial(lambda *given, work=work: work(*given) - 1)

    def spoil(out, size, packed_bytes, n):
        ctypes.memset(out, 1, 1)
        return inflate(out, size, packed_bytes, n) or ctypes.memset(out + 1023, 0, 1) * 0

    assert not direct._inflates(spoil)
