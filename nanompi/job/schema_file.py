"""The schema of jobs in a file of this user that every job can name, so that editors need no network."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from nanompi.errors import NanompiError
from nanompi.io.user_cache import user_cache
from nanompi.run import index
from nanompi.run.foreign import foreign
from nanompi.step import METHODS


def schema_file() -> str:
    """Its place, as editors want it; "" where there is no folder for it.

    It is written anew only where the parts have changed since. Call `nanompi.methods.discover()` before.
    """
    with suppress(OSError, RuntimeError):
        file, state = _place(), _state()
        if _written_of(file) != state:
            _write(file, state)
        return str(file) if " " not in str(file) else file.as_uri()
    return ""


def known_schema() -> dict[str, Any]:
    """The schema, from that file where it is of these parts; else made anew, and kept there."""
    with suppress(OSError, RuntimeError, ValueError):
        file = _place()
        if _written_of(file) == _state():
            found = json.loads(file.read_text(encoding="utf-8"))
            return {key: value for key, value in found.items() if key != "$comment"}
    from nanompi.job.schema import whole

    found = whole()
    with suppress(OSError, RuntimeError, NanompiError):
        _write(_place(), _state(), found)
    return found


def _place() -> Path:
    return user_cache() / "job.schema.json"


def _state() -> str:
    """Of the program, and of the files of parts of others, of which all are imported"""
    parts = (cls for table in METHODS.values() for cls in table.loaded().values() if foreign(cls))
    own = sorted({cls.__module__ for cls in parts})
    files = [getattr(sys.modules.get(name), "__file__", None) for name in own]
    times = [str(os.stat(file).st_mtime_ns) for file in files if file and os.path.exists(file)]
    return " ".join([index.state()[:16], *own, *times])


def _written_of(file: Path) -> str:
    """The state that stands in the first line of the file; "" where there is none."""
    with suppress(OSError), open(file, encoding="utf-8", errors="replace") as open_file:
        return open_file.readline(4096).partition('"$comment": "')[2].partition('"')[0]
    return ""


def _write(file: Path, state: str, found: dict[str, Any] | None = None):
    from nanompi.io.atomic import write_text
    from nanompi.job.schema import whole

    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps({"$comment": state, **(found or whole())}, ensure_ascii=False) + "\n")
