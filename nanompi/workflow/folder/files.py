"""Which files are in a folder that is watched, and which of them stand still and are closed."""

import fcntl
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from nanompi.io.fingerprint import FEW, of_file

PARTIAL = re.compile(r"\..*|.*(~|\.(part|partial|filepart|tmp|temp|crdownload|swp))", re.I | re.S)


@dataclass
class Seen:
    """One file: size and time of change (ns) as they are now. Equal ones have not changed meanwhile."""

    size: int
    changed: int


def look(folder: str, patterns, without: str = "") -> dict[str, Seen]:
    """{name below the folder: Seen} of the ordinary files that a pattern names, links to such files included.

    A pattern counts folders as a path does: "*.h5" is of the folder itself, "*/*.h5" of those in it,
    "**/*.h5" of all below it; links to folders are not followed. Names that begin with a dot, and those that
    programs give to half a copy (`PARTIAL`), are none.

    without : a folder that is not looked into: that of the runs. Errors: OSError where `folder` cannot be
        listed
    """
    parts = {tuple(pattern.split("/")) for pattern in patterns}
    return {name: seen for name, seen in sorted(_below(folder, "", parts, without))}


def _below(folder: str, above: str, parts: set[tuple], without: str) -> Iterator[tuple[str, Seen]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if PARTIAL.fullmatch(entry.name) or entry.path == without:
                continue
            rest = {left for one in parts for left in _after(entry.name, one)}
            if () in rest and (seen := _of_entry(entry)):
                yield above + entry.name, seen
            if (deeper := rest - {()}) and _is_folder(entry):
                yield from _readable(entry.path, f"{above}{entry.name}/", deeper, without)


def _readable(folder: str, above: str, parts, without: str) -> list:
    """What is in a folder below; nothing where it has gone, or may not be read."""
    try:
        return list(_below(folder, above, parts, without))
    except OSError:
        return []


def _is_folder(entry) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _of_entry(entry) -> Seen | None:
    """As the folder tells it: of thousands of files that are known, none is opened at each look."""
    try:
        return _of(entry.stat())
    except (OSError, ValueError):
        return None


def _after(name: str, parts: tuple) -> list[tuple]:
    """What is left of a pattern after one name of a path; () in it: nothing, the name is the last."""
    if parts[0] == "**":
        return [parts, *_after(name, parts[1:])] if len(parts) > 1 else [parts, ()]
    return [parts[1:]] if fnmatchcase(name, parts[0]) else []


def seen_at(path: str) -> Seen | None:
    """Size and time of a file, None where none can be read. It is opened: NFS asks its server then."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return _unread(path)
    try:
        return _of(os.fstat(number))
    finally:
        os.close(number)


def _unread(path: str) -> Seen | None:
    """The same of a file that may not be read yet."""
    try:
        return _of(os.stat(path))
    except (OSError, ValueError):
        return None


def _of(facts: os.stat_result) -> Seen | None:
    return Seen(facts.st_size, facts.st_mtime_ns) if stat.S_ISREG(facts.st_mode) else None


def stamp(path: str) -> list:
    """The fingerprint of a file by its ends (`nanompi.io.fingerprint`), [] where it cannot be read.

    Size, time and 128 KiB; of a file that has no more, its time does not count.
    """
    try:
        return of_file(path, FEW)
    except (OSError, ValueError):
        return []


def held_by_writer(path: str) -> bool:
    """Does a program on this machine, or over NFS, hold the lock with which HDF5 opens a file for writing?

    HDF5 locks a file as long as it is open, unless it was told not to, or writes for readers (SWMR). Nobody
    is disturbed: the locks are looked at, none is taken.
    """
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            return _listed(os.fstat(file.fileno())) or _asked(file)
    except (OSError, ValueError):
        return False  # no locks there


def _listed(facts: os.stat_result) -> bool:
    """Is a lock for writing on this file in the list of the kernel (proc_locks(5))?"""
    place = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}:{facts.st_ino}"
    with suppress(OSError), open("/proc/locks") as locks:
        return any("WRITE" in (words := line.split()) and place in words for line in locks)
    return False


def _asked(file) -> bool:
    """Would a lock for reading be refused (fcntl(2), F_GETLK)? NFS makes such ones of the locks of flock."""
    free = fcntl.fcntl(file, fcntl.F_GETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0))
    return struct.unpack("hhqqi4x", free)[0] == fcntl.F_WRLCK


@dataclass
class Stillness:
    """Since when each file has stood still, by a clock that only goes forward: times of files may lie in the
    future, and go back. Holds nothing of files that have gone."""

    since: dict[str, tuple[Seen, float]] = field(default_factory=dict)

    def renew(self, found: dict[str, Seen], now: float) -> None:
        """Look at all once more."""
        before, self.since = self.since, {}
        for name, seen in found.items():
            old = before.get(name)
            self.since[name] = old if old and old[0] == seen else (seen, now)

    def for_seconds(self, name: str, now: float) -> float:
        """How long it has stood still."""
        return now - self.since[name][1]
