"""A file appears whole or not at all: written under a temporary name, flushed to the disk, renamed.

Nothing here writes through a link: a folder that others can write may hold links to files that they cannot.
"""

import contextlib
import errno
import io
import os
import secrets
import shutil
import stat
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


def own(path, flags: int) -> int:
    """`open(path, "a", opener=own)`: a regular file, never a link, a FIFO or a device.

    Where the file may be made (modes a, w, x), a new one takes the place of such a thing. Errors: OSError.
    """
    number = _regular(path, flags)
    if number is None and flags & os.O_CREAT:
        os.unlink(path)
        number = _regular(path, flags)
    if number is None:
        raise OSError(errno.ELOOP, "a link, a FIFO or a device stands there", str(path))
    return number


def trusted(path, flags: int) -> int:
    """As `own` for files of a folder that users share: what others have made, or may change, is refused.

    What is made is not writable for others, whatever the umask. Errors: OSError.
    """
    number = own(path, flags)
    try:
        if flags & os.O_CREAT:
            os.fchmod(number, os.fstat(number).st_mode & 0o755)
        of_this_user(os.fstat(number), path)
    except OSError:
        os.close(number)
        raise
    return number


def of_this_user(status: os.stat_result, path):
    """PermissionError unless this user (or root) has made it, and nobody else may write it."""
    if status.st_uid not in (os.geteuid(), 0):
        raise PermissionError(errno.EPERM, f"it belongs to the user with number {status.st_uid}", str(path))
    if status.st_mode & 0o022:
        raise PermissionError(errno.EPERM, "other users may write it", str(path))


def _regular(path, flags: int) -> int | None:
    """The number of an open file; None for what is no regular file."""
    try:
        number = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a FIFO that nobody reads
            return None
        raise
    if stat.S_ISREG(os.fstat(number).st_mode):
        return number
    os.close(number)
    return None


def write_text(path: Path, text: str):
    """`path` is replaced by a file with this text: a reader sees the old one or the new one. Errors: OSError.

    Without a wait for the disk, for what a run tells again and again.
    """
    temporary = name_beside(path)
    try:
        with open(temporary, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def name_beside(path: Path) -> Path:
    """A name in the same folder that nobody can guess, for what will be renamed to `path`."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def own_folder(path: Path):
    """A folder inside a run folder, made where it is missing; a link there is replaced. Errors: OSError."""
    if path.is_symlink():
        path.unlink()
    path.mkdir(parents=True, exist_ok=True)


def remove(path: Path):
    """Nothing is at `path` any more: a folder goes with all in it, a link alone. What fails stays unsaid."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


@contextlib.contextmanager
def new_file(path: Path, begun: Path | None = None):
    """`with new_file(path) as file: file.write(bytes)`: `path` is replaced when the block ended well.

    An older file at `path` stays as it is until then, and nothing is left behind when something fails.
    begun : a file beside `path` that becomes it, in place of a new one; it is left when something fails
    Errors: ResourceError naming the file, the size needed and the free space.
    """
    path = Path(path)
    temporary = begun or name_beside(path)
    file = _tried(path, Guarded, temporary, "r+" if begun else "x+")
    try:
        with file:
            yield file
            if file.error is None:
                _tried(path, os.fsync, file.fileno())
        if file.error is None:
            _tried(path, os.replace, temporary, path)
    finally:
        if not begun:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if file.error is not None:
            raise complaint(path, file.size, file.error) from file.error


def _tried(path: Path, work, *values):
    try:
        return work(*values)
    except OSError as e:
        raise complaint(path, 0, e) from e


@contextlib.contextmanager
def new_hdf5(path: Path, begun: Path | None = None):
    """As `new_file` with an h5py.File that any HDF5 from 1.8 on can read: `with new_hdf5(path) as f: ...`"""
    import h5py

    with new_file(path, begun) as file, h5py.File(file, "r+" if begun else "w") as f:
        yield f


def complaint(path: Path, size: int, error: OSError) -> ResourceError:
    """What there is to say of a file of this size that could not be written."""
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
