"""Checks the parameters of a step, reader or engine and makes an instance; all faults are collected."""

import os
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, Union, get_args, get_origin, get_type_hints

from nanompi.errors import JobError, nearest, no_path
from nanompi.job import chain
from nanompi.job.faults import Faults, Nothing, Spot
from nanompi.job.leaf import about, chained, default, leaf, members, section_of
from nanompi.job.paths import expanded, is_made_later
from nanompi.job.tree import Sweep
from nanompi.job.yaml12 import Map, Seq
from nanompi.run.foreign import left_out
from nanompi.step import METHODS, word_of

READ = ("file", "dataset")  # kinds of parameters that name what a job reads; a dataset: FILE.h5:/place in it


@cache
def parameters(cls: type) -> dict[str, tuple]:
    """Parameters of a part or section: name in a job -> (dataclass field, annotation)."""
    hints = get_type_hints(cls)
    return {word_of(f): (f, hints[f.name]) for f in fields(cls) if f.init}


def build(
    cls: type, given: Map, spot: Spot, faults: Faults, extra: tuple[str, ...] = (), base: Any = None
) -> Any:
    """An instance of a part or section, or Nothing when it has faults.

    extra : keys of the mapping that belong to others
    base  : instance whose values stand where the mapping is silent (else the defaults of `cls`)
    """
    known = parameters(cls)
    for key in given:
        if key not in known and key not in extra:
            faults.add(given.keys_at[key], (*spot.path, key), unknown(key, known))
    values = {name: _parameter(name, given, cls, base, spot, faults) for name in known}
    if any(v is Nothing for v in values.values()):
        return Nothing
    return tried(lambda: cls(**{known[n][0].name: v for n, v in values.items()}), spot, faults)


def unknown(key: str, known) -> str:
    """The words for a key that does not exist."""
    allowed = ", ".join(known) or "none, it has no parameters"
    return f'unknown parameter "{key}"{nearest(key, known)}; allowed: {allowed}'


def tried(work, spot: Spot, faults: Faults) -> Any:
    """`work()`; what it refuses (JobError, ValueError, TypeError) becomes a fault and Nothing."""
    try:
        return work()
    except (JobError, ValueError, TypeError) as e:
        faults.add(spot.place, spot.path, str(e))
        return Nothing


def _parameter(name: str, given: Map, cls: type, base: Any, spot: Spot, faults: Faults):
    field, hint = parameters(cls)[name]
    here, note = spot.below(name, given.at(name)), about(field)
    standard = _long(default(field) if base is None else getattr(base, field.name), hint)
    if name in given:
        return value(given[name], hint, note, here, faults, standard)
    if standard is MISSING:
        faults.add(spot.place, here.path, f"this parameter is required: {note['help']}")
        return Nothing
    if chained(hint, note) and isinstance(standard, str):
        return _chain(standard, note["kind"], here, faults)
    return standard


def _long(standard: Any, hint) -> Any:
    """A default that is the short form of a section, as that section."""
    section = section_of(hint)
    short = section and standard not in (None, MISSING) and not is_dataclass(standard)
    return section.from_value(standard) if short and hasattr(section, "from_value") else standard


def value(given: Any, hint, note: dict, spot: Spot, faults: Faults, base: Any = None) -> Any:
    """The checked value of one parameter, or Nothing."""
    if _has_sweep(given):
        faults.add(
            spot.place,
            spot.path,
            "a sweep stands here: `nanompi sweep` runs all its values; here one value is needed",
        )
        return Nothing
    if chained(hint, note) and not (given is None and NoneType in members(hint)):
        return _chain(given, note["kind"], spot, faults)
    if section_of(hint):
        return _section(given, hint, note, spot, faults, base)
    if get_origin(hint) is list and isinstance(given, Seq | Map) and section_of(get_args(hint)[0]):
        return _sections(given, get_args(hint)[0], note, spot, faults)
    checked = tried(lambda: leaf(given, hint, note), spot, faults)
    if note["kind"] in METHODS and isinstance(checked, str):
        return tried(lambda: _named(checked, METHODS[note["kind"]]), spot, faults)
    if note["kind"] in READ and checked and isinstance(checked, str):
        file, inside, place = checked.partition(":/") if note["kind"] == "dataset" else (checked, "", "")
        return found_file(file, spot, faults) + inside + place
    if note["kind"] == "file" and isinstance(checked, list) and isinstance(given, Seq):
        return [found_file(one, spot.below(i, at), faults)
                for i, (one, at) in enumerate(zip(checked, given.items_at))]  # fmt: skip
    if note["kind"] == "folder" and checked and isinstance(checked, str):
        return tried(lambda: expanded(checked), spot, faults)
    return checked


def _named(name: str, known) -> str:
    """The name of a registered part. Errors: JobError with the nearest one."""
    if name not in known:
        text = f'"{name}" does not fit here{nearest(name, known)}; allowed: {", ".join(known)}'
        raise JobError(text + left_out())
    return name


def _chain(given, kind: str, spot: Spot, faults: Faults):
    before = len(faults)
    links = chain.links(given, kind, spot, faults)
    built = [build(cls, values, below, faults) for cls, values, below in links]
    return built if len(faults) == before else Nothing


def _section(given, hint, note: dict, spot: Spot, faults: Faults, base: Any):
    section, others = section_of(hint), [m for m in members(hint) if not is_dataclass(m)]
    if given is None and NoneType not in others:
        given = Map(spot.place)  # `probe:` with nothing below it
    if isinstance(given, Map):
        return build(section, given, spot, faults, base=base if isinstance(base, section) else None)
    if given is not None and hasattr(section, "from_value"):
        return tried(lambda: section.from_value(given), spot, faults)
    if others:
        return tried(lambda: leaf(given, Union[tuple(others)], note), spot, faults)  # noqa: UP007  computed
    names = ", ".join(parameters(section))
    faults.add(spot.place, spot.path, f"{given!r} does not fit here; allowed: a mapping with {names}")
    return Nothing


def _sections(given: Seq | Map, hint, note: dict, spot: Spot, faults: Faults):
    if isinstance(given, Map):  # a list of one may be written as that one
        one = _section(given, hint, note, spot, faults, None)
        return Nothing if one is Nothing else [one]
    spots = [spot.below(i, at) for i, at in enumerate(given.items_at)]
    built = [_section(one, hint, note, below, faults, None) for one, below in zip(given, spots)]
    return Nothing if Nothing in built else built


def _has_sweep(given) -> bool:
    """Is the value a sweep, or a list with one in it? (In a mapping its parameters find it.)"""
    return isinstance(given, Sweep) or (isinstance(given, Seq) and any(map(_has_sweep, given)))


def found_file(name: str, spot: Spot, faults: Faults) -> str:
    """Absolute path of a file or folder that a job reads: below the current folder, or beside the job file.

    A name that both have, of different files, is a fault: nobody can tell which is meant.
    """
    if why := no_path(name):
        faults.add(spot.place, spot.path, f"this cannot be the name of a file: {why}")
        return name
    written = name
    name = tried(lambda: expanded(written), spot, faults)
    if name is Nothing:
        return written
    beside = Path(spot.place.file).parent if spot.place.line else Path()
    tries = list(dict.fromkeys(os.path.abspath(Path(folder) / name) for folder in (".", beside)))
    there = [path for path in tries if os.path.exists(path)]
    for path in there[:1]:
        if not (os.path.isfile(path) or os.path.isdir(path)):
            faults.add(spot.place, spot.path, f"{path} is a pipe or a device, not a file", data=True)
        if not os.path.samefile(path, there[-1]):
            text = f"{' and '.join(there)} are both there: write the whole path of the one that is meant"
            faults.add(spot.place, spot.path, text)
        return path
    if later := next(filter(is_made_later, tries), ""):
        return later
    near = [p.name for t in tries if Path(t).parent.is_dir() for p in Path(t).parent.iterdir()]
    text = f"no such file: {' nor '.join(tries)}{nearest(Path(name).name, near)}"
    faults.add(spot.place, spot.path, text, data=True)
    return name
