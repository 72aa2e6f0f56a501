"""The result file while a program of the user's reads it: nothing that the program does changes it.

It is read-only meanwhile, which stops most programs but none of an administrator. A copy is kept: one that
shares its blocks where the file system has such (any size), else a plain one of files below `LARGEST`. A
file that is another afterwards is put back from it, and told. The copy outlives a kill: who comes next puts
it back first.
"""

import filecmp
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path

from nanompi.errors import NanompiError
from nanompi.io.atomic import remove
from nanompi.io.hdf5 import open_hdf5

LARGEST = 256 << 20  # bytes of a file that is copied where its blocks cannot be shared
FICLONE = 0x40049409  # ioctl(2): the blocks of another file, shared (linux/fs.h)


@contextmanager
def unharmed(path: Path, copy: Path):
    """`with unharmed(path, copy) as harm:` afterwards `harm` has a line where the file was changed (rank 0).

    copy : a file for what stands there; it is gone afterwards. One that is there was left by a killed run
    """
    _recover(path, copy)
    mode, harm = path.stat().st_mode, []
    has_copy = _copied(path, copy)
    _allow(path, mode & ~0o222)
    before = _marks(path)
    try:
        yield harm
    finally:
        if _changed(path, before, copy if has_copy else None):
            harm.append(_put_back(path, copy if has_copy else None))
        _allow(path, mode)
        remove(copy)


def _recover(path: Path, copy: Path):
    """What stood there before a program that was killed with its run."""
    if not copy.is_file():
        return
    if _marks(path) is None or not filecmp.cmp(path, copy, shallow=False):
        _put_back(path, copy)
    _allow(path, copy.stat().st_mode)


def _allow(path: Path, mode: int):
    with suppress(OSError):
        if not path.is_symlink():
            os.chmod(path, mode & 0o7777)


def _marks(path: Path) -> tuple | None:
    """What no longer is the same where a file was written to; None: there is no such file."""
    if path.is_symlink() or not path.is_file():
        return None
    about = path.stat()
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


def _changed(path: Path, before: tuple | None, copy: Path | None) -> bool:
    after = _marks(path)
    if after == before:
        return False
    if after is None or after[2] != before[2]:
        return True
    if copy:
        return not filecmp.cmp(path, copy, shallow=False)
    return after[:4] != before[:4] or not _opens(path)


def _opens(path: Path) -> bool:
    try:
        with open_hdf5(str(path)) as f:
            return "default" in f.attrs
    except NanompiError:
        return False


def _copied(path: Path, copy: Path) -> bool:
    """Is there a copy now? It appears whole."""
    new = copy.with_name(copy.name + ".part")
    try:
        if not _cloned(path, new):
            if path.stat().st_size > LARGEST:
                remove(new)
                return False
            shutil.copyfile(path, new)
        shutil.copystat(path, new)
        os.replace(new, copy)
    except OSError:
        remove(new)
        return False
    return True


def _cloned(path: Path, copy: Path) -> bool:
    import fcntl

    with open(path, "rb") as old, open(copy, "wb") as new:
        try:
            fcntl.ioctl(new, FICLONE, old.fileno())
        except OSError:
            return False
    return True


def _put_back(path: Path, copy: Path | None) -> str:
    """The line that tells it."""
    if copy is None:
        return f"it has changed {path}, of which there is no copy (it is large): run the job again"
    new = path.with_name(f".{path.name}.back")
    try:
        shutil.copy2(copy, new)
        if path.is_dir() and not path.is_symlink():
            remove(path)
        os.replace(new, path)
    except OSError as error:
        remove(new)
        return f"it has changed {path}, which could not be put back ({error.strerror}): run the job again"
    return f"it has changed {path}, which was put back as it was; let the program write to another file"
