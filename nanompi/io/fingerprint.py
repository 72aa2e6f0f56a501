"""Fingerprint of the input: has it changed? One rule for the cache, for checkpoints, for everything.

A stamp is [size, time of change (ns), number of pieces, hash of these pieces of 64 KiB spread over the file].
A file up to 1 MiB is hashed whole, and its time does not count: a copy with the same bytes is the same file.
In a larger one the pieces do not show everything, so that another time is another file: a copy, too, unless
it was copied with its time. The name does not count. One that was changed in place and had its time set back
by hand is told only where a piece is hit. Of a folder the names, sizes and times of its files are hashed.

Which files were read is noted where files are opened (`note`): the scan, all behind its links, virtual and
external datasets, mask, dark image, probe, object. `with noted() as files: ...` collects them.

A source of frames has `origin()`: nested lists that say which frames of which files it gives, each file as
{"file": path}; `stamp` puts the stamps of the files in their places.
"""

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nanompi.errors import DataError

PIECES, PIECE = 16, 64 << 10
MANY, FEW = 64, 2  # of so many files this many pieces: a scan of a thousand files is stamped by a hundred MB

_noting: list[tuple[dict, Callable]] = []
_thread = threading.local()


@contextmanager
def noted(look: Callable[[str], Any] = lambda path: None) -> Iterator[dict[str, Any]]:
    """{absolute path: look(path)} of the files that are opened inside, in this process; looked at once."""
    one = ({}, look)
    _noting.append(one)
    try:
        yield one[0]
    finally:
        _noting[:] = [n for n in _noting if n is not one]


@contextmanager
def unnoted() -> Iterator[None]:
    """What this thread opens inside is not noted: files of the run itself, of which nothing is made."""
    before, _thread.own = getattr(_thread, "own", False), True
    try:
        yield
    finally:
        _thread.own = before


def note(*paths: str):
    """These files of others are about to be read."""
    if getattr(_thread, "own", False):
        return
    for path in map(os.path.abspath, paths):
        for files, look in _noting:
            if path not in files:
                files[path] = look(path)


@contextmanager
def followed() -> Iterator[dict[str, list]]:
    """As `noted`, with the stamps of the files; [] for one that is missing, and would be read if it came."""
    with noted(lambda path: _of_any(path, pieces(len(files)))) as files:
        yield files


def changed(files: dict[str, list]) -> str:
    """What is not as it was when `followed` noted it, in words; "" when all is.

    Errors: DataError for a file that cannot be read now, as on a disk that is not there: nothing is lost.
    """
    for path, before in files.items():
        now = _of_any(path, before[2] if before else PIECES)
        if before and not now:
            raise DataError(
                f"{path}: the run has read this file, now it is missing or cannot be read; put it back, or "
                "start another run"
            )
        if now != before:
            return f"{path} {'has changed since the run read it' if before else 'was missing, and has come'}"
    return ""


def stamp(source) -> Any:
    """`origin()` with the stamps of its files ([] for missing ones); None for frames that are in no file."""
    origin = source.origin()
    if origin is None:
        return None
    files = dict.fromkeys(_files(origin))
    return _stamped(origin, {f: _of_any(f, pieces(len(files))) for f in files})


def _of_any(path: str, pieces: int) -> list:
    """The stamp of a file or folder, [] where none can be read."""
    try:
        return of_folder(path) if os.path.isdir(path) else of_file(path, pieces)
    except (OSError, ValueError):
        return []


def _files(thing) -> Iterator[str]:
    if isinstance(thing, dict):
        yield thing["file"]
    for part in thing if isinstance(thing, list | tuple) else ():
        yield from _files(part)


def _stamped(thing, stamps):
    if isinstance(thing, dict):
        return stamps[thing["file"]]
    return [_stamped(t, stamps) for t in thing] if isinstance(thing, list | tuple) else thing


def pieces(files: int) -> int:
    """How many pieces of each are read when there are so many files."""
    return PIECES if files < MANY else FEW


def of_file(path: str, pieces: int = PIECES) -> list:
    """The stamp of a file. Errors: OSError; that, too, for what is no regular file."""
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is no regular file", path)
        last, digest = max(0, status.st_size - PIECE), hashlib.sha256()
        for k in range(pieces):
            digest.update(os.pread(number, PIECE, last * k // (pieces - 1)))
    finally:
        os.close(number)
    whole = status.st_size <= pieces * PIECE
    return [status.st_size, 0 if whole else status.st_mtime_ns, pieces, digest.hexdigest()]


def of_folder(path: str) -> list:
    """The stamp of a folder: names, sizes and times of the files in it. Errors: OSError."""
    with os.scandir(path) as entries:
        files = sorted((e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in entries if e.is_file())
    digest = hashlib.sha256(repr(files).encode(errors="backslashreplace")).hexdigest()
    return [sum(size for _, size, _ in files), 0, PIECES, digest]


def of_array(array) -> str | None:
    """Hash of shape, type and values; None for None."""
    if array is None:
        return None
    a = np.ascontiguousarray(array)
    return hashlib.sha256(f"{a.shape} {a.dtype.str} ".encode() + a.tobytes()).hexdigest()
