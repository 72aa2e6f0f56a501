"""Which runs are meant: the items of an earlier stage, or run folders and results by patterns."""

import glob
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanompi.data.tiffs import natural
from nanompi.errors import DataError, NanompiError
from nanompi.io.hdf5 import foreign
from nanompi.run.result import ITEMS, result_file


@dataclass
class Named:
    """One run: its folder or result, and the values that its stage has for it."""

    path: str
    values: dict[str, Any] = field(default_factory=dict)


def runs_of(file: str, patterns: list[str]) -> list[Named]:
    """The runs of a folder of a stage, a run folder, a result; or those that patterns name, in their order.

    Errors: DataError where there are none.
    """
    if not patterns:
        return stage_of(Path(file)) if (Path(file) / ITEMS).is_file() else [Named(file)]
    found = []
    for pattern in patterns:
        named = sorted(glob.glob(str(Path(pattern).expanduser())), key=natural)
        named = [one for one in named if Path(one).is_dir() or one.endswith(".h5")]
        if not named:
            raise DataError(f"input.runs: {pattern} names no run folder and no result.h5")
        found += [Named(one) for one in named]
    return found


def stage_of(folder: Path) -> list[Named]:
    """The items of a stage, as its items.json lists them. Errors: DataError."""
    with foreign(f"{folder / ITEMS}: this is not the list of a stage"):
        head = json.loads((folder / ITEMS).read_text(encoding="utf-8"))
        found = [Named(str(folder / one["folder"]), dict(one["values"])) for one in head["items"]]
        if not found:
            raise DataError(f"{folder / ITEMS} lists no items")
        return found


def failed(path: str) -> str:
    """Why what a run has left is not to be used; "" where nothing says so."""
    note = Path(path) / "outcome.json"
    try:
        code = json.loads(note.read_text(encoding="utf-8"))["code"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return f"it ended with code {code}" if code else ""


def results(named: list[Named], look) -> tuple[list, list[str]]:
    """([look(file, values) of each run that has a result], [those that have none, each with the reason])."""
    known, missing = [], []
    for one in named:
        try:
            if why := failed(one.path):
                raise DataError(why)
            known.append(look(str(result_file(one.path)), one.values))
        except NanompiError as error:
            missing.append(f"{one.path} ({error})")
    return known, missing
