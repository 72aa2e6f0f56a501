"""A file appears whole or not at all: written under a temporary name, flushed to the disk, renamed."""

import contextlib
import errno
import io
import os
import shutil
from pathlib import Path

from nanompi.errors import ResourceError
from nanompi.units import show

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Guarded(io.FileIO):
    """A file for HDF5 that never tells HDF5 that the disk is full.

    HDF5 (2.0, through h5py) ends the whole process by a segmentation fault when a write fails. Here the
    first error is kept in `error`, later bytes are only counted in `size` (what the file would have needed),
    and the caller raises.
    """

    error: OSError | None = None
    size = 0

    def write(self, data) -> int:
        rest = memoryview(data).cast("B")
        length, place = rest.nbytes, self.tell()
        self.size = max(self.size, place + length)
        try:
            while self.error is None and rest.nbytes:
                rest = rest[super().write(rest) :]
        except OSError as e:
            self.error = e
        if self.error is not None:
            self.seek(place + length)
        return length

    def truncate(self, size=None) -> int:
        try:
            return super().truncate(size)
        except OSError as e:
            self.error = self.error or e
            return size or 0


def remove(path: Path):
    """Nothing is at `path` any more: a folder goes with all in it, a link alone. What fails stays unsaid."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


@contextlib.contextmanager
def new_file(path: Path):
    """`with new_file(path) as file: file.write(bytes)`: `path` is replaced when the block ended well.

    An older file at `path` stays as it is until then, and nothing is left behind when something fails.
    Errors: ResourceError naming the file, the size needed and the free space.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    file = _tried(path, Guarded, beside, "w+")
    try:
        with file:
            yield file
            if file.error is None:
                _tried(path, os.fsync, file.fileno())
        if file.error is None:
            _tried(path, os.replace, beside, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        if file.error is not None:
            raise _complaint(path, file.size, file.error) from file.error


def _tried(path: Path, work, *values):
    try:
        return work(*values)
    except OSError as e:
        raise _complaint(path, 0, e) from e


@contextlib.contextmanager
def new_hdf5(path: Path):
    """As `new_file` with an h5py.File that any HDF5 from 1.8 on can read: `with new_hdf5(path) as f: ...`"""
    import h5py

    with new_file(path) as file, h5py.File(file, "w") as f:
        yield f


def _complaint(path: Path, size: int, error: OSError) -> ResourceError:
    why = error.strerror or str(error)
    if error.errno not in FULL:
        return ResourceError(
            f"{path}: cannot be written: {why}. Choose another folder with `output: {{folder: ...}}`."
        )
    free = shutil.disk_usage(path.parent).free  # what was written of this file is gone again
    return ResourceError(
        f"{path}: cannot be written: {why}. The file needs {show(size, 'B')}, {show(free, 'B')} are free on "
        "that disk (a quota or a limit on file size may be lower). An older file of that name is untouched."
        " Make room or choose another folder with `output: {folder: ...}`."
    )
