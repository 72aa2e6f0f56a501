"""Paths of a job with variables of the environment: `$NANOMPI_DATA/scan.cxi`, `~/jobs/base.yaml`."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from nanompi.errors import JobError

_MADE_LATER: ContextVar[str] = ContextVar("made_later", default="")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


def expanded(path: str) -> str:
    """The path with the value of each $NAME or ${NAME} of the environment, and the home folder for ~.

    A file that has just this name is left as it is. Errors: JobError naming the variable that is not set.
    """
    if os.path.exists(path):
        return path

    def value(found):
        name = found[1] or found[2]
        if not os.environ.get(name):
            raise JobError(f"{path}: ${name} is not set; set it (export {name}=...) or write the path itself")
        return os.environ[name]

    return os.path.expanduser(_VARIABLE.sub(value, path))


@contextmanager
def made_later(folder: str) -> Iterator[None]:
    """`with made_later(folder):` a job may name files below it that are not there yet (of a workflow)."""
    before = _MADE_LATER.set(os.path.abspath(folder))
    try:
        yield
    finally:
        _MADE_LATER.reset(before)


def is_made_later(path: str) -> bool:
    """Will a file be there when its job begins?"""
    folder = _MADE_LATER.get()
    return bool(folder) and os.path.abspath(path).startswith(folder + os.sep)
