"""The schema of jobs in a file of this user that every job can name, so that editors need no network."""

import os
from contextlib import suppress
from pathlib import Path

from nanompi import __version__
from nanompi.step import METHODS


def schema_file() -> str:
    """Its place, as editors want it; "" where there is no folder for it.

    It is written anew only where the parts have changed since. Call `nanompi.methods.discover()` before.
    """
    with suppress(OSError, RuntimeError):
        file = (
            Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nanompi" / "job.schema.json"
        )
        state = _state()
        if _written_of(file) != state:
            _write(file, state)
        return str(file) if " " not in str(file) else file.as_uri()
    return ""


def _state() -> str:
    """Version of the program, and how many parts of which age there are."""
    import sys

    modules = {cls.__module__ for table in METHODS.values() for cls in table.values()}
    files = [getattr(sys.modules.get(name), "__file__", None) for name in sorted(modules)]
    newest = max((os.stat(file).st_mtime_ns for file in files if file and os.path.exists(file)), default=0)
    return f"{__version__} {sum(map(len, METHODS.values()))} {newest}"


def _written_of(file: Path) -> str:
    """The state that stands in the first line of the file; "" where there is none."""
    with suppress(OSError), open(file, encoding="utf-8", errors="replace") as open_file:
        return open_file.readline(200).partition('"$comment": "')[2].partition('"')[0]
    return ""


def _write(file: Path, state: str):
    import json

    from nanompi.io.atomic import write_text
    from nanompi.job.schema import whole

    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps({"$comment": state, **whole()}, ensure_ascii=False) + "\n")
