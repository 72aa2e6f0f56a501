"""What makes two runs the same job: a checkpoint of one may go on in the other."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from nanompi.job import yaml12
from nanompi.step import METHODS, same_answer


def same_job(text: str, resolved: dict) -> bool:
    """Does the text of a job.resolved.yaml ask for the same answer? `run`, `output`, `about` and what is
    `same_answer` may differ."""
    one, other = (_answer(t) for t in (text, yaml12.write(resolved)))
    return one is not None and one == other


SEAL = "# These values and job.yaml belong together: "  # last line of a job.resolved.yaml, with their hash


def sealed(text: str, asked: str) -> str:
    """The text of a job.resolved.yaml; a last line tells whether it or job.yaml (`asked`) was changed."""
    return f"{text}{SEAL}{_seal(text, asked)}\n"


def changed(text: str, asked: str) -> bool:
    """Was one of the two changed after they were written? What does not change the answer may be, and what
    has no seal."""
    body, found, seal = text.rpartition(SEAL)
    return bool(found) and seal.strip() != _seal(body, asked)


def _seal(text: str, asked: str) -> str:
    content = json.dumps([_answer(text), asked], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _answer(text: str) -> dict | None:
    """What of a resolved job changes the answer; None where the text is no job."""
    values = yaml12.reread(text)
    return _asked(values) if isinstance(values, dict) else None


def identity(job) -> dict[str, str]:
    """{"job": hash of all that changes the answer}; `nanompi.io.fingerprint` knows of its files."""
    text = json.dumps(_asked(job.resolved), sort_keys=True, default=str)
    return {"job": hashlib.sha256(text.encode()).hexdigest()[:16]}


def _asked(values: dict) -> dict:
    """A resolved job without `run`, `output`, `about`, and what of steps does not change the answer."""
    steps = values.get("steps")
    listed = {"steps": [_of_step(one) for one in steps]} if isinstance(steps, list) else {}
    return {k: v for k, v in values.items() if k not in ("run", "output", "about")} | listed


def _of_step(values: Any) -> Any:
    """A step as written, without the parameters that do not change the answer."""
    cls = METHODS["step"].get(str(values.get("use"))) if isinstance(values, dict) else None
    free = same_answer(cls) if cls else ()
    return {k: v for k, v in values.items() if k not in free} if free else values


def files_named(job) -> list[str]:
    """The files that a job names, the folder of its input, and the code of others' readers and steps.

    What they lead to is found when they are read; these may be read by code that tells nobody.
    """
    texts = _texts([job.resolved.get("input"), job.resolved.get("steps")])
    named = [t.partition(":/")[0] for t in texts if "." in t or "/" in t]  # FILE.h5:/place in it
    files = [f for f in dict.fromkeys([*named, *_code([job.reader, job.steps])]) if _is_file(f)]
    folder = job.resolved.get("input", {}).get("file", "")
    return [*files, folder] if folder and os.path.isdir(folder) else files


def _texts(thing) -> Iterator[str]:
    if isinstance(thing, str):
        yield thing
    parts = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list | tuple) else ()
    for part in parts:
        yield from _texts(part)


def _code(thing) -> Iterator[str]:
    """The files with the classes of a thing and of its fields, but for those of this program."""
    if isinstance(thing, list | tuple):
        for part in thing:
            yield from _code(part)
    elif is_dataclass(thing):
        module = type(thing).__module__
        if module.partition(".")[0] != "nanompi":
            yield getattr(sys.modules.get(module), "__file__", None) or ""
        yield from _code([getattr(thing, f.name) for f in fields(thing)])


def _is_file(path: str) -> bool:
    return "\0" not in path and os.path.isfile(path)
