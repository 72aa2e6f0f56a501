"""What a run folder holds now: the one reader of it for report, page, `watch` and Python.

It is read calmly while the run writes: each file appears whole or grows by lines, of which one that is torn
is left out. Nothing is read that is not asked for, and what was read stays as it was: `record(folder)` again
sees what came since. Files may be of anybody; whatever they hold, nothing is raised but a NanompiError.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.errors import DataError, NanompiError, lines, shown
from nanompi.io.hdf5 import foreign, hdf5, open_hdf5, text
from nanompi.io.ordinary import tail, whole
from nanompi.report import status
from nanompi.report.signals import SignalsInFile, own
from nanompi.run.history import FIGURES
from nanompi.run.result import Signal

COLUMNS = (*FIGURES, "t")  # of the history, besides i and engine
RANK = {"host": str, "device": str, "frames": float, "memory": float, "busy": float}
SMALL, LARGE = 16 << 20, 64 << 20  # bytes of files that are read as a whole, and of those that grow
MANY = 100_000  # ranks, notes


def record(folder: str | Path) -> "Record":
    """What a run folder holds. Errors: DataError where there is no such folder."""
    folder = Path(folder)
    with foreign(str(folder)):
        if not folder.is_dir():
            raise DataError(f"{folder} is no folder of a run")
    return Record(folder)


@dataclass(frozen=True)
class Record:
    """What a run folder holds at the time when each of these is first asked for.

    status  : as `nanompi.report.status.read` has it; live : does it still go on?
    history : {"i": (n,), "engine": list of n, "error", "R", "llk", "held", "photons", "t": (n,)}, float64,
        nan where a figure was not computed; without those that no iteration has
    events  : list of dicts, oldest first; warnings : their texts, each once
    ranks   : list of {host, device, frames, memory (B), busy (0 to 1)}
    metrics : of a run that has ended, {} before; notes : {name: text or tree}, the same of result.h5
    """

    folder: Path

    @cached_property
    def status(self) -> dict[str, Any]:
        """How the run stands."""
        return status.read(self.folder)

    def standing(self, known: dict[str, Any]) -> "Record":
        """The same with a status that was read before, perhaps with what Slurm knows of the run."""
        self.__dict__["status"] = known
        return self

    @property
    def live(self) -> bool:
        """Does the run still go on?"""
        return not status.over(self.status)

    @cached_property
    def job_text(self) -> str:
        """The job as it was typed."""
        return self._read("job.yaml", _text, "")

    @cached_property
    def resolved(self) -> dict[str, Any]:
        """The job with all defaults; not to be changed."""
        return self._read("job.resolved.yaml", plain_yaml, {})

    @property
    def resolved_text(self) -> bytes:
        """The same as it stands in its file."""
        return self._read("job.resolved.yaml", bytes, b"")

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """What happened."""
        return _lines(self.folder / "events.jsonl", status.facts)

    @cached_property
    def warnings(self) -> list[str]:
        """What the log warned of, but for the verdict, which stands in the status."""
        texts = (e.get("text") for e in self.events if e.get("event") == "warning")
        return list(dict.fromkeys(t for t in texts if isinstance(t, str) and not self._is_verdict(t)))

    def _is_verdict(self, text: str) -> bool:
        reason = self.status.get("reason")
        return isinstance(reason, str) and text.startswith(
            f"the result is {self.status.get('verdict')}: {reason}"
        )

    @property
    def left_out(self) -> str:
        """Why the run has drawn no pictures: "NANOMPI_PICTURES=no"; "" where it has, or is not there yet."""
        said = [e.get("left_out") for e in self.events if e.get("event") == "pictures"]
        return _word(said[-1]) if said else ""

    @cached_property
    def history(self) -> dict[str, Any]:
        """The figures of each iteration."""
        rows: list[dict] = []
        for row in _lines(self.folder / "history.jsonl", _row):
            while rows and rows[-1]["i"] >= row["i"]:  # the run was resumed before it
                rows.pop()
            rows.append(row)
        return _columns(rows) if rows else self._written_history()

    def _written_history(self) -> dict[str, Any]:
        """That of the result of a run that wrote none before its end"""
        if not (self.folder / "result.h5").is_file():
            return _columns([])
        path = str(self.folder / "result.h5")
        with open_hdf5(path) as file, foreign(path):
            return _columns(_rows(own(own(file, "entry_1"), "history")))

    @cached_property
    def ranks(self) -> list[dict[str, Any]]:
        """What each rank has and does."""
        found = self._read("ranks.json", json.loads, None) or self.metrics.get("ranks")
        return [_rank(one) for one in found[:MANY]] if isinstance(found, list) else []

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """What the run has cost."""
        found = self._read("metrics.json", json.loads, {})
        return found if isinstance(found, dict) else {}

    @cached_property
    def notes(self) -> dict[str, Any]:
        """What the result says of how it was made. Errors: DataError where it is damaged."""
        path = self.folder / "result.h5"
        return notes_in(path) if path.is_file() else {}

    def log_tail(self, most: int = 8192) -> str:
        """The last lines of the log, of at most so many bytes."""
        try:
            end = tail(self.folder / "logs" / "rank-0000.log", most).decode("utf-8", "replace")
        except OSError:
            return ""
        return lines(end if len(end) < most else end.partition("\n")[2])

    def signals(self) -> Mapping[str, Signal]:
        """{name: Signal}, each read when it is asked for: of the result where there is one, else of the live
        view, else nothing.

        Errors: DataError where the file is damaged.
        """
        path = self.picture_file
        return SignalsInFile(path) if path else {}

    @property
    def picture_file(self) -> Path | None:
        """The file of `signals`: result.h5, or live.h5 where there is none or it is of an earlier try."""
        there = [self.folder / name for name in ("result.h5", "live.h5")]
        there = [path for path in there if path.is_file() and not path.is_symlink()]
        return max(there, key=_age, default=None)

    def _read(self, name: str, parse: Callable, nothing):
        """A small file, as `parse` has it; `nothing` where it is not there or is none"""
        try:
            return parse(whole(self.folder / name, SMALL))
        except (OSError, ValueError, RecursionError, NanompiError):
            return nothing


def notes_in(path: Path) -> dict[str, Any]:
    """{name: text or tree} of a result file. Errors: DataError where it is damaged."""
    with open_hdf5(str(path)) as file, foreign(str(path)):
        return _notes(own(own(file, "entry_1"), "process_1"))


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@lru_cache(4)
def plain_yaml(data: bytes) -> dict[str, Any]:
    """A tree of plain values, the same object for the same text: not to be changed; {} of what is none."""
    from nanompi.job.faults import Faults
    from nanompi.job.yaml12 import plain, read

    tree = plain(read(_text(data), "job.resolved.yaml", Faults())[0])
    return tree if isinstance(tree, dict) else {}


def _lines(path: Path, parse: Callable) -> list[dict[str, Any]]:
    """The lines of a file that grows, without those that are torn or not ours"""
    try:
        text = _text(tail(path, LARGE))
    except OSError:
        return []
    out = []
    for line in filter(None, text.split("\n")):
        try:
            out.append(parse(line))
        except (ValueError, RecursionError):
            continue
    return out


def _row(line: str) -> dict[str, Any]:
    """A line of the history. Errors: ValueError."""
    found = json.loads(line)
    if not isinstance(found, dict) or type(found.get("i")) is not int or not 0 <= found["i"] < 2**31:
        raise ValueError("it names no iteration")
    row = {name: found[name] for name in COLUMNS if _number(found.get(name))}
    return row | {"i": found["i"], "engine": _word(found.get("engine"))}


def _number(value) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300  # no nan


def _word(value) -> str:
    return shown(value, 100) if isinstance(value, str) else ""


def _columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {"i": np.array([row["i"] for row in rows], float)}
    out["engine"] = [row["engine"] for row in rows]
    known = set().union(*rows)
    return out | {
        name: np.array([row.get(name, math.nan) for row in rows], float) for name in COLUMNS if name in known
    }


def _rows(group) -> list[dict[str, Any]]:
    """The history as a result has it. Errors: any, of a damaged file."""
    if group is None or "iteration" not in group:
        return []
    names = {"iteration": "i", "engine": "engine"} | {name: name for name in COLUMNS}
    columns = {names[key]: group[key][:MANY] for key in names if own(group, key) is not None}
    rows = [dict(zip(columns, values)) for values in zip(*columns.values())]
    return [
        {k: float(v) for k, v in row.items() if k != "engine" and np.isfinite(v)}
        | {"engine": _word(text(row.get("engine", "")))}
        for row in rows
        if np.isfinite(row["i"])
    ]


def _rank(found) -> dict[str, Any]:
    """One rank, from ranks.json or from metrics.json; without what is not of its kind"""
    if not isinstance(found, dict):
        return {}
    renamed = {"frames": "items", "memory": "peak_memory", "busy": "utilisation"}
    own = {name: found.get(name, found.get(renamed.get(name, ""))) for name in RANK}
    texts = {name: _word(own[name]) for name, kind in RANK.items() if kind is str}
    return texts | {name: own[name] for name, kind in RANK.items() if kind is float and _number(own[name])}


def _notes(process) -> dict[str, Any]:
    """{name: text or tree}. Errors: any, of a damaged file."""
    out: dict[str, Any] = {}
    for name, _ in zip(process or (), range(MANY)):
        thing = own(process, name)
        if isinstance(thing, hdf5().Dataset):
            out[name] = text(thing[()])
        elif thing is not None and "data" in thing:
            note = text(thing["data"][()])
            out[name] = json.loads(note) if text(thing["type"][()]) == "application/json" else note
    return out
