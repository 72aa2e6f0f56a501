"""Named arrays in one file, in blocks of whole rows with a checksum each; facts as JSON at the end.

    magic | blocks | index (JSON) | length and checksum of the index, magic

A block is packed by Blosc2 where a sample of it shrinks to half or less: waves of single precision shrink by
a tenth at 0.3 GB/s, which no disk is worth, while an object with flat parts shrinks much and fast. A file
that was cut off, or in which something has changed, is told from a whole one (`Torn`). What its index says
is believed only where it fits: numbers alone, blocks one after another from the first byte to the index,
rows that add up. So a file made by others costs no memory and no crash, whatever its checksums say.
"""

import hashlib
import json
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.errors import ResourceError
from nanompi.io.atomic import own
from nanompi.io.compression import pack, unpack

FORMAT = b"nanompi arrays "
MAGIC = FORMAT + b"2"  # 1: its checksum did not see bytes that changed places within 4 KiB
BLOCK = 8 << 20  # bytes of a block
SAMPLE, SMALL = 128 << 10, 64 << 10  # bytes tried, bytes below which nothing is packed
PAGE, NEAR = 512, 256 << 10  # words of a page; bytes that are still in the cache when they are read again
POWERS = np.cumprod(np.full(PAGE, 0x9E3779B97F4A7C15, np.uint64))  # of an odd number: none loses a bit
TAIL = struct.Struct("<QI16s")
LONGEST = 256 << 20  # bytes of an index; one of 1 TB has 6 MB
PACKED = (1 << 31) - 1  # bytes of a packed block, the limit of Blosc2
NUMBERS = re.compile(r"[<>|][biufc]\d{1,2}")


class Torn(ResourceError):
    """The file is not whole, or not what it says; the text says where. Code 4 where nothing else serves."""


def checksum(data) -> int:
    """CRC-32 of sums over all bytes, taken as pages of 512 words of 64 bits.

    Of each page the sum of its words times the powers of an odd number, and of each place in a page the sum
    over all pages (both modulo 2^64): several times as fast as the CRC-32 of all bytes. A word that changes,
    or words of a page that change places, change a sum of places; pages that change places change the order
    of the sums of pages; to keep all sums it takes four words or more, in two pages, that fit each other.
    """
    flat = np.frombuffer(data, np.uint8)
    whole = len(flat) // (8 * PAGE) * 8 * PAGE
    crc, places = 0, np.zeros(PAGE, np.uint64)
    for begin in range(0, whole, NEAR):
        pages = flat[begin : min(begin + NEAR, whole)].view(np.uint64).reshape(-1, PAGE)
        places += pages.sum(0, dtype=np.uint64)
        crc = zlib.crc32(np.einsum("ij,j->i", pages, POWERS), crc)
    return zlib.crc32(flat[whole:], zlib.crc32(places, crc))


class Writer:
    """Writes into an open binary file without buffer: `array` for each array, `close` at the end.

    Errors: OSError of the file.
    """

    def __init__(self, file):
        self.file, self.place, self.arrays = file, 0, {}
        self._put(MAGIC)

    def whole(self, name: str, array: np.ndarray):
        """One array of the host."""
        rows = array.reshape(1) if array.ndim == 0 else array
        f = slices(len(rows), rows[:1].nbytes)
        self.array(name, array.shape, array.dtype, (rows[s] for s in f))

    def array(self, name: str, shape, dtype, blocks: Iterable[np.ndarray]):
        """An array given in blocks of its rows."""
        self.made(name, shape, dtype, (block(np.ascontiguousarray(b)) for b in blocks))

    def made(self, name: str, shape, dtype, blocks: Iterable[tuple]):
        """An array given in what `block` made of its rows, maybe in threads."""
        entries = [self._block(*b) for b in blocks]
        self.arrays[name] = {"shape": list(shape), "dtype": np.dtype(dtype).str, "blocks": entries}

    def close(self, facts: dict[str, Any]) -> str:
        """The index; without it the file is torn. Its seal, as `ArrayFile.seal`."""
        text = json.dumps({"facts": facts, "arrays": self.arrays}, default=float).encode()
        self._put(text)
        self._put(TAIL.pack(len(text), zlib.crc32(text), MAGIC))
        return sealed(text)

    def _block(self, rows, data, packed, check) -> list[int]:
        entry = [rows, self.place, len(data), int(packed), check]
        self._put(data)
        return entry

    def _put(self, data):
        rest = memoryview(data).cast("B")
        self.place += rest.nbytes
        while rest.nbytes:
            rest = rest[self.file.write(rest) :]


def block(rows: np.ndarray, packed: bool | None = None) -> tuple[int, Any, bool, int]:
    """(rows, bytes, are they packed, checksum) of C-contiguous rows. packed: None = where it is worth it."""
    packed = _shrinks(rows) if packed is None else packed
    data = pack(rows) if packed else rows.reshape(-1).view(np.uint8)
    return len(rows), data, packed, checksum(data)


def slices(n: int, row: int) -> list[slice]:
    """n rows of so many bytes in blocks."""
    step = max(1, BLOCK // max(1, row))
    return [slice(i, min(i + step, n)) for i in range(0, n, step)]


def _shrinks(rows) -> bool:
    if rows.nbytes < SMALL:
        return False
    flat = rows.reshape(-1)
    middle = max(0, len(flat) // 2 - SAMPLE // rows.itemsize // 2)
    sample = flat[middle : middle + SAMPLE // rows.itemsize]
    return 2 * len(pack(sample)) <= sample.nbytes


@dataclass
class ArrayFile:
    """A file of arrays, of which the index has been read.

    facts : what `Writer.close` got; arrays : {name: {"shape", "dtype", "blocks"}}
    seal  : hash of the index, which holds the checksums of all blocks
    opener: as the built-in `open` has it: which files are read at all
    """

    path: Path
    facts: dict[str, Any]
    arrays: dict[str, dict]
    seal: str = ""
    opener: Callable = own

    def open(self):
        """The file, open for `block`. Errors: OSError."""
        return open(self.path, "rb", buffering=0, opener=self.opener)

    def blocks(self, name: str) -> Iterator[tuple[slice, np.ndarray]]:
        """(rows, their values) of an array, block by block. Errors: Torn, OSError."""
        start, header = 0, self._told(name)
        with self.open() as file:
            for k, (n, *_) in enumerate(header["blocks"]):
                yield slice(start, start + n), self.block(file, name, k)
                start += n

    def whole(self, name: str) -> np.ndarray:
        """One array. Errors: Torn, OSError."""
        header = self._told(name)
        out = np.empty(header["shape"], header["dtype"])
        flat = out.reshape(1) if out.ndim == 0 else out
        for f, rows in self.blocks(name):
            flat[f] = rows
        return out

    def verify(self):
        """Read everything. Errors: Torn, OSError."""
        for name in self.arrays:
            for _ in self.blocks(name):
                pass

    def block(self, file, name: str, k: int, out: np.ndarray | None = None) -> np.ndarray:
        """The rows of block k, read from the open file; into `out` where that is given.

        Threads may do so at once. Errors: Torn, OSError.
        """
        header = self._told(name)
        n, place, size, packed, check = header["blocks"][k]
        data = np.empty(size, np.uint8)
        if os.preadv(file.fileno(), [data], place) != size or checksum(data) != check:
            raise Torn(f"{self.path.name}: the block of {name} at byte {place} is damaged")
        shape = (n, *header["shape"][1:])
        if packed:
            return self._unpacked(data, np.empty(shape, header["dtype"]) if out is None else out, name)
        rows = data.view(header["dtype"]).reshape(shape)
        if out is None:
            return rows
        out[...] = rows
        return out

    def _unpacked(self, data, out, name) -> np.ndarray:
        try:
            return unpack(data, out)
        except ValueError as error:
            raise Torn(f"{self.path.name}: a block of {name}: {error}") from None

    def _told(self, name: str) -> dict:
        if name not in self.arrays:
            raise Torn(f"{self.path.name}: it holds no array {name}")
        return self.arrays[name]


def open_arrays(path: Path, opener: Callable = own) -> ArrayFile:
    """The index of a file, checked. Errors: Torn, OSError."""
    with open(path, "rb", buffering=0, opener=opener) as file:
        text, begin = _index(file, path.name)
    try:
        index = json.loads(text)
        _check(index, begin)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Torn(f"{path.name}: its index makes no sense ({error})") from None
    return ArrayFile(path, index["facts"], index["arrays"], sealed(text), opener)


def sealed(index: bytes) -> str:
    """What tells an index from any other."""
    return hashlib.sha256(index).hexdigest()[:32]


def _index(file, name: str) -> tuple[bytes, int]:
    """(text of the index, where it begins)."""
    end = os.fstat(file.fileno()).st_size
    tail = os.pread(file.fileno(), TAIL.size, max(0, end - TAIL.size))
    size, check, magic = TAIL.unpack(tail) if len(tail) == TAIL.size else (0, 0, b"")
    begin = end - TAIL.size - size
    if magic.startswith(FORMAT) and magic != MAGIC:
        raise Torn(f"{name}: it is of another version of nanompi")
    if magic != MAGIC or begin < len(MAGIC):
        raise Torn(f"{name}: its end is missing")
    if size > LONGEST:
        raise Torn(f"{name}: its index has {size} bytes, more than {LONGEST}")
    text = os.pread(file.fileno(), size, begin)
    if zlib.crc32(text) != check or os.pread(file.fileno(), len(MAGIC), 0) != MAGIC:
        raise Torn(f"{name}: its index is damaged")
    return text, begin


def _check(index, end: int):
    """Blocks fill the file from the magic to `end`, and make up the arrays. Errors: ValueError and others."""
    if not all(isinstance(index[key], dict) for key in ("facts", "arrays")):
        raise ValueError("facts or arrays are missing")
    place = len(MAGIC)
    for name, header in index["arrays"].items():
        place = _check_array(name, header, place)
    if place != end:
        raise ValueError(f"blocks end at byte {place}, not at {end}")


def _check_array(name: str, header: dict, place: int) -> int:
    """Where the blocks of an array end, which begin at `place`."""
    shape, dtype = header["shape"], header["dtype"]
    if not isinstance(dtype, str) or not NUMBERS.fullmatch(dtype):
        raise ValueError(f"{_short(name)} is of type {_short(dtype)}")
    if not _numbers(shape) or len(shape) > 32 or prod(max(1, n) for n in shape) >= 1 << 57:
        raise ValueError(f"{_short(name)} has shape {_short(shape)}")
    row, left = prod(shape[1:]) * np.dtype(dtype).itemsize, shape[0] if shape else 1
    for block in header["blocks"]:
        n, begin, size, packed, _ = block if _numbers(block) and len(block) == 5 else (0,) * 5
        if n < 1 or begin != place or packed > 1 or (n * row > PACKED if packed else size != n * row):
            raise ValueError(f"{_short(name)} has a block {_short(block)}")
        place, left = place + size, left - n
    if left:
        raise ValueError(
            f"the blocks of {_short(name)} have {-left} rows more than its shape {_short(shape)}"
        )
    return place


def _numbers(thing) -> bool:
    return isinstance(thing, list) and all(type(n) is int and 0 <= n < 1 << 63 for n in thing)


def _short(thing) -> str:
    return repr(thing)[:80]
