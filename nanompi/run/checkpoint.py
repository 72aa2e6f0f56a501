"""Checkpoints: the state of a run in a folder RUN/checkpoint-000123 (iterations done); written, found, read.

    head        by rank 0: object, probe, state of the engine, history; the same on all ranks
    rank-0000   by each rank: its rows of arrays over the frames, and the global index of each frame

The folder is written as .checkpoint-000123.part and renamed when every file of every rank is on the disk; the
files travel to the disk in a thread while the iterations go on. The two newest are kept. All files of one
writing hold the marks of the run and one random token: files of two runs or of two times are never mixed.
"""

import os
import re
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.io.arrayfile import ArrayFile, Torn, Writer, open_arrays, slices
from nanompi.io.atomic import remove
from nanompi.io.fingerprint import PIECES, changed

KEPT = 2
NAME = re.compile(r"checkpoint-([0-9]{6,})$")
LEFT = re.compile(r"(refused-|\.)?checkpoint-[0-9]{6,}(\.part)?$")  # all that a run may leave
HEAD = "head"


@dataclass
class State:
    """What is kept of a reconstruction between two iterations.

    facts  : JSON-able
    arrays : {name: array of the host}, the same on all ranks
    rows   : {name: (shape, dtype, pieces)} of arrays over this rank's frames; pieces(slices) gives the rows
        of each slice on the host, which are there until the next are asked for
    index  : (n,) global index of each frame of this rank
    beside : files in the folder of the run that belong to it, and must be on the disk with it
    """

    facts: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    rows: dict[str, tuple[tuple, Any, Callable]] = field(default_factory=dict)
    index: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    beside: list[Path] = field(default_factory=list)


class Writing:
    """A checkpoint on its way: `write` (collective), then `flushed` asks, `finish` (collective) ends it."""

    def __init__(self, team, folder: Path, number: int, marks: dict[str, Any]):
        """marks : what tells the run from others (see `newest`)"""
        self.team, self.number = team, number
        self.final = folder / f"checkpoint-{number:06d}"
        self.part = folder / f".checkpoint-{number:06d}.part"
        self.marks = marks | {"number": number, "ranks": team.size}
        self.paths, self.beside, self.error, self.thread = [], [], "", None

    def write(self, state: State) -> str:
        """Write the files of all ranks; what went wrong, '' when nothing did (the same on all ranks)."""
        made = (_tried(self._make), secrets.token_hex(16)) if self.team.root else None
        error, self.marks["token"] = self.team.bcast(made)
        if not error:
            error = self._agreed(_tried(lambda: self._files(state)))
        if error:
            self._drop()
        else:
            self.thread = threading.Thread(target=self._flush, daemon=True)
            self.thread.start()
        return error

    def flushed(self) -> bool:
        """Are the files of this rank on the disk, or lost?"""
        return not self.thread.is_alive()

    def finish(self) -> str:
        """Wait for the disk and give the folder its name; what went wrong (the same on all ranks)."""
        self.thread.join()
        error = self._agreed(self.error)
        if not error:
            error = self.team.bcast(_tried(self._rename) if self.team.root else "")
        if error:
            self._drop()
        return error

    def _agreed(self, error: str) -> str:
        """The first error of all ranks, with the rank's name."""
        if not self.team.total(bool(error))[0]:
            return ""
        errors = self.team.allgather(error and f"rank {self.team.rank} on {self.team.host}: {error}")
        return next(filter(None, errors))

    def _make(self):
        remove(self.part)
        self.part.mkdir()

    def _files(self, state):
        self.beside = state.beside
        sizes = {path.name: path.stat().st_size for path in state.beside}
        state.facts["beside"] = sizes
        self._file(f"rank-{self.team.rank:04d}", {}, {"index": state.index}, state.rows)
        if self.team.root:
            self._file(HEAD, state.facts, state.arrays, {})

    def _file(self, name, facts, arrays, rows):
        path = self.part / name
        with open(path, "xb", buffering=0) as file:
            self.paths.append(path)
            writer = Writer(file)
            for key, array in arrays.items():
                writer.whole(key, array)
            for key, (shape, dtype, pieces) in rows.items():
                row = int(np.prod(shape[1:])) * np.dtype(dtype).itemsize
                writer.array(key, shape, dtype, pieces(slices(shape[0], row)))
            writer.close(facts | self.marks | {"file": name})

    def _flush(self):
        self.error = _tried(lambda: [_sync(path) for path in [*self.beside, *self.paths, self.part]])

    def _rename(self):
        remove(self.final)
        os.replace(self.part, self.final)
        _sync(self.final.parent)
        for path, _ in complete(self.final.parent)[KEPT:]:
            remove(path)

    def _drop(self):
        if self.team.root:
            remove(self.part)


def _tried(work) -> str:
    """What went wrong in `work()`, '' when nothing did."""
    try:
        work()
    except OSError as e:
        return f"{e.strerror or e}" + (f" ({e.filename})" if e.filename else "")
    return ""


def _sync(path):
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def clear(folder: Path):
    """Remove all checkpoints of a run, refused and half ones, too."""
    with suppress(OSError):
        for path in [p for p in folder.iterdir() if LEFT.match(p.name)]:
            remove(path)


def complete(folder: Path) -> list[tuple[Path, int]]:
    """(path, number) of the checkpoints of a run, the newest first."""
    with suppress(OSError):
        found = [(p, int(m[1])) for p in folder.iterdir() if (m := NAME.match(p.name))]
        return sorted(found, key=lambda pair: -pair[1])
    return []


@dataclass
class SavedState:
    """A checkpoint that has been read: facts and arrays of its head, and where its rows are."""

    path: Path
    head: ArrayFile
    files: list[ArrayFile]

    @property
    def facts(self) -> dict[str, Any]:
        """As given to `Writing`, with number and ranks."""
        return self.head.facts

    def array(self, name: str) -> np.ndarray:
        """One array of the head."""
        return self.head.whole(name)

    def parts(self) -> list[np.ndarray]:
        """Global frame indices of each rank that wrote it."""
        return [file.whole("index") for file in self.files]

    def rows(self, name: str, index: np.ndarray):
        """(where in `index`, rows) until all frames of `index` are told, from whichever rank wrote them.

        Errors: Torn where a frame is missing.
        """
        order = np.argsort(index)
        left = len(index)
        for file, own in zip(self.files, self.parts()):
            if not np.isin(own, index).any():
                continue
            for f, rows in file.blocks(name):
                at = np.searchsorted(index, own[f], sorter=order).clip(max=len(index) - 1)
                mine = index[order[at]] == own[f]
                left -= mine.sum()
                if mine.any():
                    yield order[at[mine]], rows if mine.all() else rows[mine]
        if left:
            raise Torn(f"{self.path.name}: {left} frames are missing in it")


def opened(path: Path, marks: dict[str, Any]) -> SavedState:
    """A checkpoint whose files are all there and belong to this run. Errors: Torn (the reason), OSError."""
    head = _of_run(path, HEAD, marks | {"number": int(NAME.match(path.name)[1])})
    ranks, step, token, notes, files = (
        head.facts.get(k) for k in ("ranks", "step", "token", "notes", "files")
    )
    if type(ranks) is not int or ranks < 1 or type(step) is not int or not token:
        raise Torn(f"{HEAD} does not say of which writing it is")
    if not isinstance(notes, dict) or not _stamps(files):
        raise Torn(f"{HEAD} does not say what the run had read and noted")
    for name, size in head.facts.get("beside", {}).items():
        if (path.parent / name).stat().st_size < size:
            raise Torn(f"{name} beside it is shorter than it was")
    common = marks | {key: head.facts[key] for key in ("number", "ranks", "token")}
    files = [_of_run(path, f"rank-{rank:04d}", common) for rank in range(ranks)]
    for file in files:
        rows = [header["shape"][:1] for header in file.arrays.values()]
        if len(file.arrays.get("index", {}).get("shape", ())) != 1 or rows != rows[:1] * len(rows):
            raise Torn(f"{file.path.name}: its arrays are not of the same frames")
    return SavedState(path, head, files)


def _stamps(files) -> bool:
    """Are these stamps of files, as `nanompi.io.fingerprint.followed` has them?"""
    return isinstance(files, dict) and all(s == [] or _is_stamp(s) for s in files.values())


def _is_stamp(s) -> bool:
    return isinstance(s, list) and [type(v) for v in s] == [int, int, int, str] and 2 <= s[2] <= PIECES


def _of_run(path: Path, name: str, marks: dict[str, Any]) -> ArrayFile:
    """A file of a checkpoint, which is of the run with these marks. Errors: Torn, OSError."""
    file = open_arrays(path / name)
    for key, value in ({"file": name} | marks).items():
        if file.facts.get(key) != value:
            raise Torn(f"{name} belongs to another {key} ({file.facts.get(key)}, here {value})")
    return file


def newest(team, folder: Path, marks: dict[str, Any], say) -> SavedState | None:
    """The newest good checkpoint of a run, the same on all ranks (collective); others are told and set aside.

    marks : {"job": ...}, which a checkpoint must have too; the files that its run had read must be the same
    Errors: DataError where one of these cannot be read: the checkpoint stays.
    """
    if team.root:
        for path in folder.glob(".checkpoint-*.part"):  # of a run that was killed while it wrote
            remove(path)
    paths = [path for path, _ in team.bcast(complete(folder) if team.root else None)]
    for path in paths:
        saved_state, error = _verified(team, path, marks)
        reason = next(filter(None, team.allgather(error)), "")
        reason = reason or team.on_root(lambda saved=saved_state: changed(saved.facts["files"]))
        if not reason:
            return saved_state
        then = "the run begins anew" if path == paths[-1] else "the one before is taken"
        say(f"{path.name} is refused: {reason}; {then}")
        if team.root:
            with suppress(OSError):
                os.replace(path, path.with_name(f"refused-{path.name}"))
    return None


def _verified(team, path: Path, marks: dict[str, Any]) -> tuple[SavedState | None, str]:
    """(checkpoint, "") or (None, why not), as far as this rank has looked: each reads some of the files."""
    try:
        saved_state = opened(path, marks)
        for file in [saved_state.head, *saved_state.files][team.rank :: team.size]:
            file.verify()
    except (Torn, OSError) as error:
        return None, str(error)
    return saved_state, ""
