"""What steps do when the result stands, and what of it is still to be done when a run ended in it.

RUN/after.json is there from before the result is written until all steps have done it: {"done": [0, 1]},
numbers of the job's steps. A resumed run with a result and this file does what is missing, and no more.
RUN/.result.copy.h5 is a copy of the result while a program sees it that might harm it.
"""

import json
from contextlib import suppress
from pathlib import Path

from nanompi.io.atomic import complaint, remove, write_text

FILE, COPY = "after.json", ".result.copy.h5"


def pending(folder: Path | None) -> bool:
    """Does the result stand, but not all that follows it?"""
    if not folder or not (Path(folder) / FILE).exists():
        return False
    return any((Path(folder) / name).exists() for name in ("result.h5", COPY))


def forget(folder: Path):
    """An earlier run in this folder is replaced."""
    for name in (FILE, COPY, f"{COPY}.part"):
        remove(Path(folder) / name)


def begin(run, steps: list):
    """Before the result is written: something will follow it (collective). Errors: ResourceError."""
    if run.folder and any(map(_follows, steps)):
        run.team.on_root(lambda: (forget(run.folder), _write(run.folder, [])))


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
