"""A checked job as plain values with every default: what job.resolved.yaml holds, readable as a job again."""

from dataclasses import is_dataclass
from typing import Any

from nanompi.errors import JobError
from nanompi.job.leaf import about
from nanompi.job.model import parameters
from nanompi.step import KINDS
from nanompi.units import quantity, show


def resolved(job) -> dict:
    """The whole job as plain dicts, lists, texts and numbers; quantities as texts with their unit."""
    steps = [{"use": getattr(one, "use", one.name), **values(one)} for one in job.steps]
    given = {**values(job.input), "format": job.reader.name, **values(job.reader)}
    parts = {"output": values(job.output), "run": values(job.run), "about": values(job.about)}
    return {"nanompi": 1, "name": job.name, "input": given, "steps": steps, **parts}


def values(part: Any) -> dict:
    """All parameters of a part or section as plain values."""
    out = {}
    for name, (field, _) in parameters(type(part)).items():
        note, value = about(field), getattr(part, field.name)
        out[name] = [link(e) for e in value] if _chain(note, value) else simple(value, note["unit"])
    return out


def _chain(note: dict, value: Any) -> bool:
    return note["kind"] in KINDS and isinstance(value, list)


def link(engine: Any) -> dict:
    """One engine of a chain: {DM: 100, alpha: 0.9}."""
    own = values(engine)
    return {engine.name: own.pop("iterations", None), **own}


def simple(value: Any, unit: str = "") -> Any:
    """A value as plain YAML; a number with a unit as a text that reads back as the same number."""
    if is_dataclass(value):
        return values(value)
    if isinstance(value, dict):
        return {k: simple(v, unit) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [simple(v, unit) for v in value]
    return (
        with_unit(value, unit)
        if unit and isinstance(value, int | float) and not isinstance(value, bool)
        else value
    )


def with_unit(value: float, unit: str) -> str:
    """The short text ("55 um") where it is exact, else all digits."""
    try:
        if quantity(show(value, unit), unit) == value:
            return show(value, unit)
    except JobError:
        pass
    return f"{value!r} {unit}"
