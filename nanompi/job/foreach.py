"""`foreach:` of a stage: what its items are; several keys go side by side.

scan: 1001-1024            whole numbers; 0001-0024 keeps its zeros (and is text then)
scan: [1001, 1003, 1007]
file: raw/*.h5             files in the order of their names, numbers in them by their size
angle: {from: 0, to: 180, count: 24}     both ends; or {from: 0 deg, to: 90 deg, step: 5 deg}
"""

import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanompi.data.tiffs import natural
from nanompi.errors import JobError, shown
from nanompi.job.faults import Faults, Nothing, Place, Spot
from nanompi.job.paths import expanded
from nanompi.job.swept import MOST, numbers
from nanompi.job.yaml12 import Map, Seq

KEY = re.compile(r"[A-Za-z_]\w{0,39}")
_RANGE = re.compile(r"\s*(\d{1,18})\s*-\s*(\d{1,18})\s*")
HOW = "write a list, a range 1001-1024, files raw/*.h5, or {from: 0, to: 180, count: 24}"


@dataclass(frozen=True)
class One:
    """One item: its values by key, and as they stand in the name of its folder."""

    values: dict[str, Any]
    names: dict[str, Any]


def items(given, spot: Spot, taken: list[str], faults: Faults) -> list[One]:
    """The items of a `foreach:`; [] with a fault where it cannot be read. taken : words that no key can be"""
    if not isinstance(given, Map) or not given:
        faults.add(
            spot.place,
            spot.path,
            f"{shown(repr(given), 80)} is not what the items are: foreach: {{scan: 1001-1024}}",
        )
        return []
    columns = {key: _column(key, given, spot, taken, faults) for key in given}
    if Nothing in columns.values():
        return []
    lengths = {key: len(column) for key, column in columns.items()}
    first = next(iter(lengths))
    wrong = {key: n for key, n in lengths.items() if n != lengths[first]}
    for key, n in wrong.items():
        text = f"keys go side by side: as many values as {first} has ({lengths[first]}), not {n}"
        faults.add(given.at(key), (*spot.path, key), text)
    rows = [] if wrong else zip(*columns.values())
    return [
        One(dict(zip(columns, (v for v, _ in row))), dict(zip(columns, (n for _, n in row)))) for row in rows
    ]


def _column(key: str, given: Map, spot: Spot, taken: list[str], faults: Faults):
    """[(value, its name)] of one key; Nothing where it has a fault."""
    here, value, before = spot.below(key, given.at(key)), given[key], len(faults)
    if not KEY.fullmatch(key) or key in taken:
        why = (
            "is taken"
            if key in taken
            else "does not fit: letters, digits and _, at most 40, the first a letter"
        )
        faults.add(given.keys_at[key], here.path, f'the key "{key}" {why}')
    try:
        found = _values(value, here.place)
        if len(found) > MOST:
            raise JobError(f"{len(found)} items; at most {MOST} are run")
    except (JobError, ValueError, OverflowError) as error:
        faults.add(here.place, here.path, str(error), data=isinstance(error, _NoFiles))
    return found if len(faults) == before else Nothing


class _NoFiles(JobError):
    """There are no such files: the data are to blame."""


def _values(value, place: Place) -> list[tuple[Any, Any]]:
    if isinstance(value, Seq) and value:
        odd = next((one for one in value if type(one) not in (str, int, float, bool)), None)
        if odd is not None or None in value:
            raise JobError(f"{shown(repr(odd), 80)} is not a number or a text: {HOW}")
        return [(one, one) for one in value]
    if isinstance(value, Map):
        found = numbers(value, "count")
        if found is not None:
            return [(one, one) for one in found]
    if isinstance(value, str) and (ends := _RANGE.fullmatch(value)):
        return _range(ends[1], ends[2])
    if isinstance(value, str) and glob.has_magic(value):
        return _files(value, place)
    raise JobError(f"{shown(repr(value), 80)} does not fit here: {HOW}")


def _range(first: str, last: str) -> list[tuple[Any, Any]]:
    a, b = int(first), int(last)
    if b < a:
        raise JobError(f"{first}-{last} runs backwards: write {last}-{first}, or a list")
    if b - a >= MOST:
        raise JobError(f"{b - a + 1} items; at most {MOST} are run")
    zeros = first[0] == "0" and len(first) > 1
    values = [f"{k:0{len(first)}d}" if zeros else k for k in range(a, b + 1)]
    return [(one, one) for one in values]


def _files(pattern: str, place: Place) -> list[tuple[Any, Any]]:
    """Absolute paths, and their names without ending; below the current folder, or beside the job file."""
    whole = expanded(pattern)
    beside = Path(place.file).parent if place.line else Path()
    tries = list(dict.fromkeys(os.path.abspath(Path(folder) / whole) for folder in (".", beside)))
    each = {one: sorted(glob.glob(one, recursive=True), key=natural) for one in tries}
    there = [one for one in tries if each[one]]
    if not there:
        raise _NoFiles(f"no such files: {' nor '.join(tries)}")
    if len({os.path.realpath(each[one][0]) for one in there}) > 1:
        raise JobError(f"{' and '.join(there)} are both there: write the whole path of those that are meant")
    return [(path, Path(path).stem) for path in each[there[0]]]
