"""An HDF5 file that grows: arrays get their place in it early, and are written there by any process.

The library lays them out one after another, unfilled, and stays away from their bytes. So what it knows of
the file, its `head`, is all other bytes: kept apart, it brings the file back to what it was.
"""

import ctypes
import errno
import math
import os
import shutil
from pathlib import Path

import numpy as np

from nanompi.io.atomic import FULL, Guarded, complaint

PAGE = 4096  # bytes to which a large array is aligned
LEAST = 1 << 16  # bytes of an array that is
CANNOT = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)  # a file system that cannot reserve bytes


def place(path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Give an array its place in the file, which is made where it is not there; the byte where it begins.

    Its bytes are reserved on the disk where the file system can. Errors: ResourceError.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        start = _laid_out(path, name, shape, dtype, size)
        with open(path, "rb+", buffering=0) as file:
            if not _reserved(file.fileno(), start, size):
                fits(path.parent, size)
            os.fsync(file.fileno())
    except OSError as error:
        raise complaint(path, size, error) from error
    return start


def _laid_out(path: Path, name: str, shape, dtype, size: int) -> int:
    import h5py

    new = not path.exists()
    with Guarded(path, "x+" if new else "r+") as file:
        how = {"alignment_threshold": LEAST, "alignment_interval": PAGE}
        with h5py.File(file, "w" if new else "r+", **how) as f:
            made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            made.set_layout(h5py.h5d.CONTIGUOUS)
            made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            made.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            group, _, last = name.rpartition("/")
            kind = h5py.h5t.py_create(np.dtype(dtype), logical=True)
            space = h5py.h5s.create_simple(shape)
            start = h5py.h5d.create(
                f.require_group(group or "/").id, last.encode(), kind, space, made
            ).get_offset()
        if file.error is not None:
            raise file.error
        if os.fstat(file.fileno()).st_size < start + size:
            file.truncate(start + size)
    return start


def _reserved(number: int, start: int, size: int) -> bool:
    """Bytes of an open file become its own on the disk, without being written; False where the file system
    cannot. Errors: OSError where there is no room for them.

    Not posix_fallocate: the C library's would write into each block where the file system cannot.
    """
    call = ctypes.CDLL(None, use_errno=True).fallocate
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    if call(number, 0, start, size) == 0:
        return True
    code = ctypes.get_errno()
    if code not in CANNOT:
        raise OSError(code, os.strerror(code))
    return False


def fits(folder: Path, size: int) -> None:
    """OSError where a disk has less than `size` bytes left."""
    if shutil.disk_usage(folder).free < size:
        raise OSError(FULL[0], os.strerror(FULL[0]))


def head(path: Path, places: list[tuple[int, int]]) -> np.ndarray:
    """All bytes of a file but those of its arrays, uint8. places : [(start, bytes)] of the arrays"""
    with open(path, "rb") as file:
        pieces = []
        for begin, end in _between(places, os.fstat(file.fileno()).st_size):
            file.seek(begin)
            pieces.append(file.read(end - begin))
    return np.frombuffer(b"".join(pieces), np.uint8)


def set_head(path: Path, places: list[tuple[int, int]], data: np.ndarray) -> None:
    """The file becomes again what it was when `head` gave this; its arrays stay as they are."""
    size = len(data) + sum(size for _, size in places)
    rest = data.tobytes()
    with open(path, "rb+") as file:
        file.truncate(size)
        for begin, end in _between(places, size):
            file.seek(begin)
            file.write(rest[: end - begin])
            rest = rest[end - begin :]
        file.flush()
        os.fsync(file.fileno())


def _between(places: list[tuple[int, int]], size: int):
    """(begin, end) of what lies before, between and after the arrays"""
    begins = [0, *(start + n for start, n in sorted(places))]
    return [(a, b) for a, b in zip(begins, [*(start for start, _ in sorted(places)), size]) if b > a]
