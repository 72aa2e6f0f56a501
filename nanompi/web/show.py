"""What the page shows of a run, read in a process of its own: nanompi.web.child does these tasks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.errors import DataError, NanompiError
from nanompi.io.ordinary import whole
from nanompi.methods import discover
from nanompi.report import changed_parameters, tables
from nanompi.report.frames import COLOURS, frames
from nanompi.report.plots import history_curves, plot
from nanompi.report.record import Record, record
from nanompi.report.several import differing

SIDE = 2048  # px of an image that is sent; what is larger is averaged
LOG, JOB = 8192, 100_000  # bytes
KEPT = ("report.html", "job.yaml", "job.resolved.yaml")  # files that may be taken away, with the pictures
LARGEST = 16 << 20  # bytes of such a file


def ready() -> None:
    """Nothing: what reads runs is loaded by now."""


def run(folder: str) -> dict[str, Any]:
    """All that is known of a run but the values of its images; what is damaged is named in `faults`."""
    held, faults = record(folder), []
    whole = inside(held.folder, "result.h5")
    history = _known(faults, lambda: held.history if whole else {})
    notes = _known(faults, lambda: held.notes if whole else {})
    return {
        "curves": history_curves([("", history)]) if history else [],
        "signals": list(_known(faults, lambda: _shown(held))),
        "facts": tables.facts(held, notes),
        "cost": tables.cost(held),
        "differing": _differing(held),
        "papers": tables.papers(notes)[:100],
        "ranks": held.ranks[:256],
        "warnings": held.warnings[-100:],
        "log": held.log_tail(LOG) if inside(held.folder, "logs") else "",
        "job": held.job_text[:JOB],
        "stamp": _stamp(held),
        "files": _files(held.folder),
        "faults": list(dict.fromkeys(faults)),
    }


def _known(faults: list[str], read: Callable):
    """What `read` gives; nothing, and a fault, where the file is damaged"""
    try:
        return read()
    except NanompiError as e:
        faults.append(str(e))
        return {}


def _differing(held: Record) -> list[dict[str, str]]:
    """The parameters of the job that are not the default, as {place, value, default, help}"""
    discover()
    found = changed_parameters.differing(held.resolved)
    return [one._asdict() for one in found[:500]]


def _shown(held: Record) -> list[str]:
    """Names of the signals that are shown: images, and curves and points but those of the history"""
    found = held.signals()
    shows = {*COLOURS, "spectrum", "positions"}
    shows |= {"curve", "arrows"} if "convergence" not in found else set()
    return [name for name in found if found.show(name) in shows][:100] if found else []


def image(folder: str, name: str, mode: int = 0) -> tuple[dict[str, Any], bytes]:
    """One image of a signal: what view.js needs to know, and its values (float32, NaN outside).

    mode : which, of a stack. A complex field has its angles behind the values. Errors: DataError.
    """
    signals = record(folder).signals()
    if name not in signals:
        raise DataError("there is no such signal")
    if signals.show(name) not in COLOURS:
        return {"plot": plot(name, signals[name]), "of": 1}, b""
    made = frames(name, signals[name], SIDE)
    if not 0 <= mode < len(made):
        raise DataError("there is no such image")
    one = made[mode]
    parts = [one.values] if one.angle is None else [one.values, one.angle]
    values = b"".join(np.ascontiguousarray(part, "<f4").tobytes() for part in parts)
    return {**one.facts(), "of": len(made), "angle": one.angle is not None}, values


def file(folder: str, name: str) -> tuple[dict[str, Any], bytes]:
    """The bytes of a file to take away. Errors: DataError."""
    if name not in _files(Path(folder)):
        raise DataError("there is no such file")
    path = Path(folder, name if name in KEPT else f"previews/{name}")
    return {"name": name}, whole(path, LARGEST)


def strip(folder: str) -> dict[str, dict[str, str]]:
    """{stage: {item: picture as data URL}} of a workflow; of a sweep also {" ": {its contact sheet}}."""
    from nanompi.report import workflow
    from nanompi.report.strip import LARGE, SIDE, strip
    from nanompi.report.workflow_page import contact, pictured

    top, out = Path(folder), {}
    for stage in workflow.read(top)["stages"]:
        done = [str(Path(stage["name"], item["name"])) for item in stage["items"] if pictured(item)]
        side = LARGE if len(stage["items"]) == 1 else SIDE
        out[stage["name"]] = strip([top / name for name in done if inside(top, name)], side)
    return out | ({" ": {"contact.png": sheet}} if (sheet := contact(top)) else {})


def inside(folder: Path, name: str) -> bool:
    """Does the name lead to something in the folder itself, not by a link to elsewhere?"""
    return (folder / name).resolve().is_relative_to(folder.resolve())


def _files(folder: Path) -> list[str]:
    """Names of the files that may be taken away"""
    there = [name for name in KEPT if (folder / name).is_file() and inside(folder, name)]
    pictures = sorted(folder.glob("previews/*.png"))[:200]
    return there + [path.name for path in pictures if inside(folder, f"previews/{path.name}")]


def _stamp(held: Record) -> str:
    """Changes when the images do"""
    path = held.picture_file
    found = path.stat() if path else None
    return f"{path.name} {found.st_mtime_ns} {found.st_size}" if found else ""


def differences(folders: list[str], names: list[str]) -> dict[str, Any]:
    """{curves, rows [{path, values}]}: histories over each other, and the parameters in which runs differ."""
    discover()
    held = [record(folder) for folder in folders]
    rows = differing([one.resolved for one in held])[:500]
    histories = [(name, one.history) for name, one in zip(names, held) if inside(one.folder, "result.h5")]
    return {
        "curves": history_curves([(name, own) for name, own in histories if len(own.get("i", ()))]),
        "rows": [{"path": path, "values": values} for path, values in rows],
    }
