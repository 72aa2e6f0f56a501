"""Decompresses chunks straight into the array of frames: no buffer between, Python's lock released once.

The functions stand in libraries that are here anyway: bitshuffle in its HDF5 plug-in, zlib-ng (1.6 to 2.6
times as fast as zlib) and the shuffle in that of blosc2. Each is tried on a few bytes before it is trusted;
where one is missing, the slower way in `chunks` and `filters` serves.
"""

import ctypes
import struct
import zlib
from functools import cache

import numpy as np

from nanompi.io.compression import libraries
from nanompi.io.filters import library, spare

LZ4 = 2  # bitshuffle's number for it
HEAD = 12  # bytes before the blocks of bitshuffle: bytes in all (8), bytes of a block (4), both big-endian
LENGTH = struct.Struct(">I")


def bits(values: tuple[int, ...], raw, out: np.ndarray) -> bool:
    """Bitshuffle with LZ4 into `out` (uint8); False where this is not what the chunk has.

    Errors: ValueError for bytes that cannot be right.
    """
    work = _bitshuffle()
    together = None if work is None or out.nbytes % values[2] else check_bits(values, raw, out.nbytes)
    if together is None:
        return False
    start = ctypes.cast(ctypes.c_char_p(raw), ctypes.c_void_p).value + HEAD
    used = work(start, out.ctypes.data, out.nbytes // values[2], values[2], together)
    if used != len(raw) - HEAD:
        raise ValueError("bitshuffle cannot decompress it")
    return True


def check_bits(values: tuple[int, ...], raw, size: int) -> int | None:
    """Elements of a block of bitshuffle with LZ4, from which `size` bytes come; None for other compressions.

    The library is not told how long a chunk is, and would read on where its blocks do not end with it. Each
    block, and one of as many eights as the elements that remain have, stands behind its length (4 bytes,
    big-endian); less than eight elements stand at the end as they are. Errors: ValueError.
    """
    if len(values) < 5 or values[4] != LZ4 or len(raw) < HEAD:
        return None
    held, together = int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:HEAD], "big") // values[2]
    if held != size:
        raise ValueError(f"a chunk has {held} bytes in place of {size}")
    if together < 8 or together % 8:
        raise ValueError(f"blocks of {together} elements are none of bitshuffle")
    elements, at = size // values[2], HEAD
    try:
        for _ in range(elements // together + (elements % together >= 8)):
            at += 4 + LENGTH.unpack_from(raw, at)[0]
    except struct.error:
        at = len(raw) + 1
    if at + elements % 8 * values[2] != len(raw):
        raise ValueError("its blocks do not end where it ends")
    return together


def inflate(raw, out: np.ndarray) -> bool:
    """gzip into `out` (uint8); False where zlib has to do it, or to say what is wrong."""
    work, size = _blosc2("zng_uncompress"), ctypes.c_size_t(out.nbytes)
    if work is None:
        return False
    raw = raw if isinstance(raw, bytes) else bytes(raw)
    return work(out.ctypes.data, ctypes.byref(size), raw, len(raw)) == 0 and size.value == out.nbytes


def unshuffle(width: int, planes: np.ndarray, out: np.ndarray) -> bool:
    """Undo HDF5's shuffle of elements of `width` bytes into `out` (uint8); False where NumPy has to do it."""
    work = _blosc2("blosc2_unshuffle")
    if work is None or planes.nbytes != out.nbytes or out.nbytes >= 1 << 31:
        return False
    return work(width, out.nbytes, planes.ctypes.data, out.ctypes.data) == out.nbytes


_SIZE, _WHERE = ctypes.c_size_t, ctypes.c_void_p


@cache
def _bitshuffle():
    """bshuf_decompress_lz4(in, out, elements, bytes of one, elements of a block) -> bytes used, or None."""
    held = library("bshuf")
    work = getattr(held, "bshuf_decompress_lz4", None)
    if work is not None:
        work.restype, work.argtypes = ctypes.c_int64, [_WHERE, _WHERE, _SIZE, _SIZE, _SIZE]
    spare()
    return work


@cache
def _blosc2(name: str):
    """A function of blosc2's own library which has passed its trial, or None."""
    spare()
    for held in libraries():
        work = getattr(held, name, None)
        if work is None:
            continue
        work.restype, work.argtypes = ctypes.c_int32, _ARGUMENTS[name]
        if _TRIALS[name](work):
            return work
    return None


def _inflates(work) -> bool:
    plain, out = bytes(range(256)) * 4, np.zeros(1024, np.uint8)
    size, packed = ctypes.c_size_t(1024), zlib.compress(plain)
    return work(out.ctypes.data, ctypes.byref(size), packed, len(packed)) == 0 and out.tobytes() == plain


def _unshuffles(work) -> bool:
    plain, out = np.arange(300, dtype=np.uint16), np.zeros(300, np.uint16)
    planes = np.ascontiguousarray(plain.view(np.uint8).reshape(-1, 2).T)
    return work(2, 600, planes.ctypes.data, out.ctypes.data) == 600 and np.array_equal(out, plain)


_ARGUMENTS = {
    "zng_uncompress": [_WHERE, _WHERE, ctypes.c_char_p, _SIZE],
    "blosc2_unshuffle": [ctypes.c_int32, ctypes.c_int32, _WHERE, _WHERE],
}
_TRIALS = {"zng_uncompress": _inflates, "blosc2_unshuffle": _unshuffles}
