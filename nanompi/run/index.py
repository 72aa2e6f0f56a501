"""What all parts are called, and what is known of them from an earlier start: nothing is imported for it.

The index is what a full discovery has found, kept in the cache folder of this user, for this state of the
program: name, size and time of each of its files. After any change all modules are imported once more.
"""

import hashlib
import json
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import nanompi
from nanompi.io.user_cache import user_cache
from nanompi.step import FACTS, KINDS, METHODS, facts_of

PACKAGE = Path(nanompi.__file__).parent


@cache
def state() -> str:
    """Of the files of the program and of the Python: another after any change."""
    sign = hashlib.sha256(f"{nanompi.__version__} {sys.version}".encode())
    for line in sorted(_files(str(PACKAGE))):
        sign.update(line.encode())
    return sign.hexdigest()


def _files(folder: str):
    """A line for each file of Python in a folder and below"""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                known = entry.stat()
                yield f"{entry.path} {known.st_size} {known.st_mtime_ns}\n"
            elif entry.is_dir() and entry.name != "__pycache__":
                yield from _files(entry.path)


def expected() -> bool:
    """Parts of the index are expected; False where there is none of this state of the program."""
    try:
        found = json.loads(_place().read_text(encoding="utf-8"))
        parts = [(METHODS[kind], name, facts) for kind, name, facts in found["parts"]]
        if found["state"] != state() or not all(set(facts) == {"module", *FACTS} for *_, facts in parts):
            return False
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return False
    for table, name, facts in parts:
        if facts["module"] not in sys.modules:
            table.expect(name, facts)
    return bool(parts)


def write() -> None:
    """Keep what has been discovered; where there is no folder for it the next start imports all once more."""
    from nanompi.errors import NanompiError
    from nanompi.io.atomic import write_text

    text = json.dumps({"state": state(), "parts": found()})
    with suppress(OSError, RuntimeError, NanompiError):
        _place().parent.mkdir(parents=True, exist_ok=True)
        write_text(_place(), text)


def found() -> list[tuple[str, str, dict[str, Any]]]:
    """[(kind, name, facts)] of all parts of the program that are imported."""
    loaded = ((kind, name, cls) for kind in KINDS for name, cls in METHODS[kind].loaded().items())
    return [
        (kind, name, {"module": cls.__module__, **facts_of(cls)})
        for kind, name, cls in loaded
        if cls.__module__.startswith("nanompi.")
    ]


def _place() -> Path:
    return user_cache() / f"parts-{hashlib.sha256(str(PACKAGE).encode()).hexdigest()[:12]}.json"
