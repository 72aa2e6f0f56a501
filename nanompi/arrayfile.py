"""Named arrays in one file, in blocks of whole rows with a checksum each; facts as JSON at the end.

    magic | blocks | index (JSON) | length and checksum of the index, magic

A block is packed by Blosc2 where a sample of it shrinks to half or less: waves of single precision shrink by
a tenth at 0.3 GB/s, which no disk is worth, while an object with flat parts shrinks much and fast. A file
that was cut off, or in which a bit has changed, is told from a whole one (`Torn`).
"""

import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.packing import pack, unpack

MAGIC = b"nanompi arrays 1"
BLOCK = 8 << 20  # bytes of a block
SAMPLE, SMALL = 128 << 10, 64 << 10  # bytes tried, bytes below which nothing is packed
PAGE = 512  # words of a partial sum
TAIL = struct.Struct("<QI16s")


class Torn(Exception):
    """The file is not whole; the text says where."""


def checksum(data) -> int:
    """CRC-32 of the sums of each 4 KiB: 15 times as fast as that of all bytes; no lost page escapes it."""
    flat = np.frombuffer(data, np.uint8)
    whole = len(flat) // (8 * PAGE) * 8 * PAGE
    sums = flat[:whole].view(np.uint64).reshape(-1, PAGE).sum(1, dtype=np.uint64)
    return zlib.crc32(flat[whole:], zlib.crc32(sums))


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
        told = [self._block(*b) for b in blocks]
        self.arrays[name] = {"shape": list(shape), "dtype": np.dtype(dtype).str, "blocks": told}

    def close(self, facts: dict[str, Any]):
        """The index; without it the file is torn."""
        text = json.dumps({"facts": facts, "arrays": self.arrays}, default=float).encode()
        self._put(text)
        self._put(TAIL.pack(len(text), zlib.crc32(text), MAGIC))

    def _block(self, rows, data, packed, check) -> list[int]:
        told = [rows, self.place, len(data), int(packed), check]
        self._put(data)
        return told

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
    """

    path: Path
    facts: dict[str, Any]
    arrays: dict[str, dict]

    def blocks(self, name: str) -> Iterator[tuple[slice, np.ndarray]]:
        """(rows, their values) of an array, block by block. Errors: Torn, OSError."""
        start = 0
        with open(self.path, "rb") as file:
            for k, (n, *_) in enumerate(self.arrays[name]["blocks"]):
                yield slice(start, start + n), self.block(file, name, k)
                start += n

    def whole(self, name: str) -> np.ndarray:
        """One array. Errors: Torn, OSError."""
        told = self.arrays[name]
        out = np.empty(told["shape"], told["dtype"])
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
        told = self.arrays[name]
        n, place, size, packed, check = told["blocks"][k]
        data = np.empty(size, np.uint8)
        if os.preadv(file.fileno(), [data], place) != size or checksum(data) != check:
            raise Torn(f"{self.path.name}: the block of {name} at byte {place} is damaged")
        shape = (n, *told["shape"][1:])
        if packed:
            return unpack(data, np.empty(shape, told["dtype"]) if out is None else out)
        rows = data.view(told["dtype"]).reshape(shape)
        if out is None:
            return rows
        out[...] = rows
        return out


def open_arrays(path: Path) -> ArrayFile:
    """The index of a file. Errors: Torn, OSError."""
    with open(path, "rb") as file:
        end = file.seek(0, 2)
        file.seek(max(0, end - TAIL.size))
        tail = file.read()
        size, check, magic = TAIL.unpack(tail) if len(tail) == TAIL.size else (0, 0, b"")
        if magic != MAGIC or size > end:
            raise Torn(f"{path.name}: its end is missing")
        file.seek(end - TAIL.size - size)
        text = file.read(size)
    if zlib.crc32(text) != check:
        raise Torn(f"{path.name}: its index is damaged")
    index = json.loads(text)
    return ArrayFile(path, index["facts"], index["arrays"])
