"""What steps do when the result stands, and what of it is still to be done when a run ended in it.

RUN/after.json is there from before the result is written until all steps have done it: {"done": [0, 1]},
numbers of the job's steps. A resumed run with a result and this file does what is missing, and no more.
"""

import json
from contextlib import suppress
from pathlib import Path

from nanompi.io.atomic import complaint, remove, write_text

FILE = "after.json"


def pending(folder: Path | None) -> bool:
    """Does the result stand, but not all that follows it?"""
    return bool(folder) and (Path(folder) / "result.h5").exists() and (Path(folder) / FILE).exists()


def forget(folder: Path):
    """An earlier run in this folder is replaced."""
    remove(Path(folder) / FILE)


def begin(run, steps: list):
    """Before the result is written: something will follow it (collective). Errors: ResourceError."""
    if run.folder and any(map(_follows, steps)):
        run.team.on_root(lambda: _write(run.folder, []))


def perform(run, steps: list):
    """What follows the result, but for what is done already (collective). Errors: those of the steps,
    ResourceError."""
    if not any(map(_follows, steps)):
        return
    done = run.team.on_root(lambda: _done(run.folder))
    for number, step in enumerate(steps):
        if _follows(step) and number not in done:
            step.after(run)
            done.append(number)
            if run.folder:
                run.team.on_root(lambda: _write(run.folder, done))
    if run.team.root and run.folder:
        forget(run.folder)


def _follows(step) -> bool:
    """Has it a method `after`? A parameter of that name is none."""
    return callable(getattr(type(step), "after", None))


def _write(folder: Path, done: list[int]):
    path, text = Path(folder) / FILE, json.dumps({"done": done})
    try:
        write_text(path, text)
    except OSError as error:
        raise complaint(path, len(text), error) from error


def _done(folder: Path | None) -> list[int]:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return list(json.loads((Path(folder) / FILE).read_text(encoding="utf-8"))["done"])
    return []
