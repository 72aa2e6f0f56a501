"""Refuses HDF5 files with damaged global heaps (where texts of any length stand): HDF5 would read for ever.

HDF5 goes from object to object of a heap; free space of size 0 keeps it where it is (HDF5 File Format
Specification, "Global Heap"). No signal ends that, so the beginning and the end of a file, where heaps mostly
are, are looked through before HDF5 opens it.
"""

import os
from functools import lru_cache

from nanompi.errors import DataError

HEAD = b"GCOL\x01\0\0\0"  # signature, version, three reserved bytes
LOOK = 1 << 20  # bytes at each end of a file
OBJECT = 16  # bytes before the values of an object: index (2), references (2), reserved (4), size (8)


def check_heaps(path: str) -> None:
    """DataError when a heap in the file has no end. Errors: OSError."""
    about = os.stat(path)
    at = _endless(path, about.st_size, about.st_mtime_ns)
    if at >= 0:
        raise DataError(
            f"{path} is damaged: its heap of texts at byte {at} has free space of size 0, over which HDF5 "
            "never gets; copy the file again, or write its data to a new one"
        )


@lru_cache(256)
def _endless(path: str, size: int, changed: int) -> int:
    """The byte where such a heap begins, -1 for none."""
    with open(path, "rb") as file:
        for begin in dict.fromkeys((0, max(0, size - LOOK))):
            file.seek(begin)
            part, at = file.read(LOOK), -1
            while (at := part.find(HEAD, at + 1)) >= 0:
                if stands_still(part[at:]):
                    return begin + at
    return -1


def stands_still(heap: bytes) -> bool:
    """Does the way from object to object of a heap, which begins here, come to one of size 0?"""
    end, at = min(int.from_bytes(heap[8:16], "little"), len(heap)), 16
    while at + OBJECT <= end:
        index, size = (int.from_bytes(heap[a:b], "little") for a, b in ((at, at + 2), (at + 8, at + 16)))
        step = size if index == 0 else OBJECT + -(-size // 8) * 8
        if step == 0:
            return True
        at += step
    return False
