"""Compression by Blosc2 (LZ4 after a shuffle of bits): one thread a call, without Python's lock.

The library is called directly: to import the package of that name takes a second of each rank (4.14). Where
it is not found, or does not pass its trial, the package serves.
"""

import ctypes
import importlib.util
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

BITS, MORE = 2, 32  # Blosc2's number for the shuffle of bits; bytes by which packing may lengthen


def libraries() -> Iterator[ctypes.CDLL]:
    """The files in which the package has its functions, loaded; none where it has them elsewhere."""
    found = importlib.util.find_spec("blosc2")
    if found is None or not found.origin:
        return
    folder = Path(found.origin).parent
    for path in [*sorted(folder.glob("lib/libblosc2.so*")), *sorted(folder.glob("blosc2_ext*.so"))]:
        try:
            yield ctypes.CDLL(str(path))
        except OSError:
            continue


def pack(rows: np.ndarray) -> np.ndarray:
    """C-contiguous numbers as packed bytes (uint8). Errors: RuntimeError."""
    rows, out = np.ascontiguousarray(rows), np.empty(rows.nbytes + MORE, np.uint8)
    size = min(8, rows.real.itemsize)
    used = _work()[0](size, rows, out)
    if used <= 0:
        raise RuntimeError(f"Blosc2 cannot pack {rows.nbytes} bytes ({used})")
    return out[:used]


def unpack(body, out: np.ndarray) -> np.ndarray:
    """What `pack` packed, into `out` (C-contiguous). Errors: ValueError for bytes that cannot be right."""
    if out.nbytes and _work()[1](np.frombuffer(body, np.uint8), out) != out.nbytes:
        raise ValueError(f"Blosc2 cannot unpack {len(body)} bytes")
    return out


@cache
def _work():
    """(pack(size of an element, rows, out) -> bytes, unpack(body, out) -> bytes)."""
    for library in libraries():
        if hasattr(library, "blosc2_compress") and hasattr(library, "blosc1_set_compressor"):
            work = _direct(library)
            if _right(*work):
                return work
    return _by_package()


def _direct(library):
    os.environ["BLOSC_NOLOCK"] = "1"  # a context for each call: threads need not wait
    library.blosc2_init()
    library.blosc1_set_compressor(b"lz4")
    n, at = ctypes.c_int32, ctypes.c_void_p
    library.blosc2_compress.argtypes = [ctypes.c_int, ctypes.c_int, n, at, n, at, n]
    library.blosc2_decompress.argtypes = [at, n, at, n]

    def packs(size, rows, out):
        given = (rows.ctypes.data, rows.nbytes, out.ctypes.data, out.nbytes)
        return library.blosc2_compress(1, BITS, size, *given)

    def unpacks(body, out):
        return library.blosc2_decompress(body.ctypes.data, body.nbytes, out.ctypes.data, out.nbytes)

    return packs, unpacks


def _right(packs, unpacks) -> bool:
    rows = np.arange(5000, dtype=np.uint16) % 7
    out, back = np.empty(rows.nbytes + MORE, np.uint8), np.empty_like(rows)
    used = packs(2, rows, out)
    whole = 0 < used < rows.nbytes and unpacks(out[:used], back) == rows.nbytes
    return whole and np.array_equal(rows, back)


def _by_package():
    import blosc2

    blosc2.set_releasegil(True)  # by itself it keeps the lock, and threads would pack one after the other
    how = {"codec": blosc2.Codec.LZ4, "clevel": 1, "filters": [blosc2.Filter.BITSHUFFLE], "filters_meta": [0]}

    def packs(size, rows, out):
        made = blosc2.compress2(rows, typesize=size, nthreads=1, **how)
        out[: len(made)] = np.frombuffer(made, np.uint8)
        return len(made)

    def unpacks(body, out):
        blosc2.decompress2(body, dst=out, nthreads=1)
        return out.nbytes

    return packs, unpacks
