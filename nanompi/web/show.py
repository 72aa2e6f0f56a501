"""What the page shows of a run, read in a process of its own: nanompi.web.child does these tasks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.errors import DataError, NanompiError, shown
from nanompi.io.ordinary import whole
from nanompi.report.frames import COLOURS, frames
from nanompi.report.record import Record, record

SIDE = 2048  # px of an image that is sent; what is larger is averaged
ITERATIONS = 5000  # of a history that is sent, the last
LOG, JOB = 8192, 100_000  # bytes
KEPT = ("report.html", "job.yaml", "job.resolved.yaml")  # files that may be taken away, with the pictures
LARGEST = 16 << 20  # bytes of such a file


def run(folder: str) -> dict[str, Any]:
    """All that is known of a run but the values of its images; what is damaged is named in `faults`."""
    held, faults = record(folder), []
    return {
        "history": _history(_known(faults, lambda: held.history if inside(held.folder, "result.h5") else {})),
        "signals": list(_known(faults, lambda: _images(held))),
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


def _images(held: Record) -> list[str]:
    """Names of the signals that are images"""
    found = held.signals()
    return [name for name in found if found.show(name) in COLOURS][:100] if found else []


def image(folder: str, name: str, mode: int = 0) -> tuple[dict[str, Any], bytes]:
    """One image of a signal: what view.js needs to know, and its values (float32, NaN outside).

    mode : which, of a stack. A complex field has its angles behind the values. Errors: DataError.
    """
    signals = record(folder).signals()
    if name not in signals:
        raise DataError("there is no such signal")
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


def _history(found: dict[str, Any]) -> dict[str, list]:
    """Columns, None where a figure was not computed"""
    columns = {"i": [], "engine": [], **found}
    return {name: [_plain(v) for v in column[-ITERATIONS:]] for name, column in columns.items()}


def _plain(value):
    return value if isinstance(value, str) else float(value) if np.isfinite(value) else None


def differences(folders: list[str]) -> list[dict[str, Any]]:
    """[{path, values}]: the parameters in which runs differ, as texts; "" where one has none."""
    trees = [dict(_leaves(record(folder).resolved)) for folder in folders]
    paths = list(dict.fromkeys(path for tree in trees for path in tree if path != "name"))
    rows = [(path, [tree.get(path, "") for tree in trees]) for path in paths]
    return [{"path": path, "values": values} for path, values in rows if len(set(values)) > 1][:500]


def _leaves(tree: Any, path: str = ""):
    """(dotted path, text) of each value"""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    if inner is None or not tree:
        yield path, shown(tree, 200)
        return
    for key, value in inner:
        yield from _leaves(value, f"{path}.{key}" if path else str(key))
