"""One page of several runs: verdicts, parameters that differ, curves over each other, images side by side."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.errors import JobError
from nanompi.io.atomic import new_file
from nanompi.report.changed_parameters import differing as differing_from_default
from nanompi.report.frames import Frame
from nanompi.report.image_difference import difference
from nanompi.report.plots import history_curves
from nanompi.report.record import Record, record
from nanompi.report.report import BUDGET, guarded, page, pictures, verdict_of
from nanompi.report.tables import name_of

MOST, ROWS = 12, 40  # runs, and signals, of one page


def compare(folders: list[Path], path: Path) -> Path:
    """Write a page of some runs; the first is what the others differ from. Its path.

    Errors: DataError where a folder is none, JobError for none or more than MOST, ResourceError.
    """
    if not folders:
        raise JobError("no run has a result to show")
    if len(folders) > MOST:
        raise JobError(f"{len(folders)} runs on one page: {MOST} are the most; name fewer of them")
    text = page("several.html.j2", **_of_several([record(folder) for folder in folders]))
    with new_file(Path(path)) as file:
        file.write(text.encode())
    return Path(path)


def _of_several(runs: list[Record]) -> dict[str, Any]:
    warnings: list[str] = []
    names = _names(runs)
    histories = [(name, guarded(lambda run=run: run.history, {}, warnings)) for name, run in zip(names, runs)]
    rows = _rows(runs, names, warnings)
    data = {
        "rows": [[one.described() for one in frames] for _, frames, _ in rows],
        "history": history_curves([(name, own) for name, own in histories if len(own.get("i", ()))]),
    }
    return {
        "data": data,
        "names": names,
        "lines": [_line(run, name, warnings) for run, name in zip(runs, names)],
        "differing": differing([run.resolved for run in runs]),
        "rows": [(title, why) for title, _, why in rows],
        "warnings": list(dict.fromkeys(warnings)),
    }


def differing(jobs: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """[(parameter, its value in each job)] of those that are not the same in all."""
    trees, defaults = [{one.place: one.value for one in differing_from_default(job)} for job in jobs], {}
    for job in jobs:
        defaults |= {one.place: one.default for one in differing_from_default(job)}
    found = [(place, [tree.get(place, default) for tree in trees]) for place, default in defaults.items()]
    return [(place, values) for place, values in found if len(set(values)) > 1]


def _names(runs: list[Record]) -> list[str]:
    """Short names of runs: those of their folders where they are of one job"""
    both = [name_of(run.folder) for run in runs]
    last = [name.rpartition("/")[2] for name in both]
    return last if len(set(last)) == len(last) else both


def _line(run: Record, name: str, warnings: list[str]) -> dict[str, Any]:
    """State, verdict and last figures of a run"""
    notes, history = guarded(lambda: run.notes, {}, warnings), guarded(lambda: run.history, {}, warnings)
    last = {key: _last(history.get(key)) for key in ("R", "llk", "held")}
    return {
        "name": name,
        "folder": str(run.folder),
        "status": run.status,
        "verdict": verdict_of(run.status, notes),
        "figures": last,
        "iterations": len(history.get("i", ())),
        "seconds": run.metrics.get("seconds"),
    }


def _last(values) -> float | None:
    known = values[np.isfinite(values)] if values is not None else ()
    return float(known[-1]) if len(known) else None


def _rows(runs: list[Record], names: list[str], warnings: list[str]) -> list[tuple[str, list[Frame], str]]:
    """[(title, images of the runs and what the others differ by, why some difference is not shown)]"""
    budget = BUDGET // (2 * len(runs))
    every = []
    for run in runs:
        signals = guarded(run.signals, {}, warnings)
        every.append({frame.name: frame for frame in pictures(signals, warnings, budget)[0]})
    shared = [name for name in every[0] if any(name in other for other in every[1:])][:ROWS]
    return [
        _row(name, [(run, own[name]) for run, own in zip(names, every) if name in own]) for name in shared
    ]


def _row(name: str, own: list[tuple[str, Frame]]) -> tuple[str, list[Frame], str]:
    """The images of a signal, with the limits of the first, and the differences from it"""
    (_, first), *others = own
    common = {"low": first.low, "high": first.high, "map": first.map, "group": name}
    alike = [replace(one, name=f"{run} {name}", title=run, **common) for run, one in own]
    out, why = [alike[0]], ""
    for (run, one), shown in zip(others, alike[1:]):
        more = difference(one, first, f"{run} minus {own[0][0]}")
        out += [shown, replace(more, group=name)] if more else [shown]
        why = "" if more or one.angle is not None else "no difference: the pixels differ in size"
    return first.title.partition(":")[0], out, why
