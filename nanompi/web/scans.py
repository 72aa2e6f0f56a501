"""Scan files for a new job: folders below the allowed ones, what a file says, how its frames look."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.errors import DataError, NanompiError, shown
from nanompi.methods import discover

MOST, FRAMES, SIDE, POINTS = 1000, 64, 512, 3000  # names, frames that are looked at, px, positions
LINES = 100  # of what is in a file that nobody can read


def browse(folder: str, reads: list[str]) -> dict[str, Any]:
    """{folder, above, entries [{name, folder, size}]} of a folder below one of `reads`.

    Errors: DataError for any other.
    """
    place = allowed(folder or reads[0], reads)
    try:
        found = sorted(os.scandir(place), key=lambda one: (not one.is_dir(), one.name.lower()))[:MOST]
    except OSError as e:
        raise DataError(f"{shown(place, 200)}: {e.strerror}") from None
    names = [one for one in found if not one.name.startswith(".")]
    entries = [{"name": one.name, "folder": one.is_dir(), "size": _size(one)} for one in names]
    above = place.parent if any(place.parent.is_relative_to(top) for top in reads) else None
    return {"folder": str(place), "above": str(above) if above else "", "entries": entries}


def allowed(path: str, reads: list[str]) -> Path:
    """The real path of a file or folder below one of `reads`. Errors: DataError for any other."""
    real = Path(os.path.realpath(os.path.expanduser(path)))
    if not any(real.is_relative_to(top) for top in reads):
        folder = shown(os.path.dirname(path) or path, 200)
        raise DataError(
            f"{shown(path, 200)} is not below {', '.join(reads)}, where this page looks for scans; start "
            f"it by nanompi serve --jobs --read {folder} for others"
        )
    return real


def preview(file: str, reads: list[str]) -> tuple[dict[str, Any], bytes]:
    """{lines, notes, images, points} of a scan, as view.js and curves.js take them; and values of images."""
    from nanompi.job.job import read_input
    from nanompi.run.reading import open_data, unread

    discover()
    path = str(allowed(file, reads))
    reader = None
    try:
        given, reader = read_input(path, [])
        opened = open_data(given.file, given, reader)
    except NanompiError as e:
        raise type(e)(*e.args, *map(shown, unread(path, reader)[:LINES])) from None
    lines = [(name, shown(text)) for data in opened.values() for name, text in data.described()]
    first = next(iter(opened.values()))
    images = _images(first)
    facts = [one.facts() for one in images]
    points = _points(first)
    values = b"".join(np.ascontiguousarray(one.values, "<f4").tobytes() for one in images)
    own = {"lines": [line for line in lines if line[0] != "note"], "images": facts, "points": points}
    return {**own, "file": path, "notes": [text for name, text in lines if name == "note"]}, values


def _images(data) -> list:
    """Mean and largest of some frames, for report.frames; none of what has no frames"""
    from nanompi.report.frames import frames
    from nanompi.run.result import Signal

    if data.source is None or len(data.shape) != 3 or tuple(data.axes[-2:]) != ("row", "column"):
        return []
    some = np.unique(np.linspace(0, data.shape[0] - 1, min(FRAMES, data.shape[0])).astype(int))
    total, largest = 0.0, 0.0
    for one in some:
        frame = np.asarray(data.source.read(np.array([one]))[0], np.float64)
        total, largest = total + frame, np.maximum(largest, frame)
    made = (("mean", total / len(some)), ("largest", largest))
    titled = [(name, Signal(v, {}, "counts", f"{name} of {len(some)} frames", "frame")) for name, v in made]
    return [frame for name, signal in titled for frame in frames(name, signal, SIDE)]


def _points(data) -> dict[str, Any] | None:
    """Positions of the scan, for curves.js"""
    from nanompi.report.plots import plot
    from nanompi.run.result import Signal

    where, unit = data.coords.get("point", (None, ""))
    if where is None or np.ndim(where) != 2 or np.shape(where)[1] != 2:
        return None
    return plot("positions", Signal(np.asarray(where, float), {}, unit, "positions", "positions"))


def _size(entry: os.DirEntry) -> int:
    try:
        return entry.stat().st_size
    except OSError:
        return 0
