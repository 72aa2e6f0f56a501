"""Values that are swept: `{sweep: [1, 2]}` or `{sweep: {from: .6, to: 1, num: 5}}` in place of a value."""

import copy
import math
import re
from dataclasses import dataclass, field
from typing import Any

from nanompi.job.faults import Faults, Place
from nanompi.job.yaml12 import Map, Seq

MOST = 10_000  # values of one range, and settings of one sweep
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*$")
_HOW = (
    "write a list of values, {from: .6, to: 1, num: 5}, {from: 1e-3, to: 1, num: 4, log: true} or "
    "{from: .6, to: 1, step: .1}"
)


@dataclass
class Sweep:
    """The values of one sweep; number : its place among all sweeps of a job; places : of each value."""

    values: list
    places: list[Place] = field(default_factory=list)
    number: int = 0


def find(tree, faults: Faults):
    """Replace each `{sweep: ...}` in the values and sets of a tree by a numbered `Sweep`."""
    found: list[Sweep] = []
    for key in tree.values:
        tree.values[key] = _swept(tree.values[key], (key,), tree.values.at(key), faults, found)
    for one in tree.sets:
        one.value = _swept(one.value, (one.path,), one.value_at, faults, found)


def chosen(tree, pick: dict[int, int]):
    """A copy of a tree with one value in place of each sweep. pick : number of the sweep -> index (else 0)"""
    new = copy.deepcopy(tree)
    for key in list(new.values):
        _choose(new.values, key, pick)
    for one in new.sets:
        if isinstance(one.value, Sweep):
            one.value, one.value_at = _picked(one.value, pick)
        else:
            _below(one.value, pick)
    return new


def alive(values, path: tuple = ()) -> list[tuple[tuple, Sweep]]:
    """[(path, sweep)] of all sweeps in a job as written; a step is named by its `use`, where that is one."""
    if isinstance(values, Sweep):
        return [(path, values)]
    return [
        pair for name, value in _named(values) for pair in alive(value, (*path, name)) if value is not values
    ]


def _named(values) -> list[tuple[Any, Any]]:
    if isinstance(values, Map):
        return list(values.items())
    if not isinstance(values, Seq):
        return []
    uses = [v.get("use") if isinstance(v, Map) else None for v in values]
    return [
        (u if isinstance(u, str) and uses.count(u) == 1 else i, v)
        for i, (u, v) in enumerate(zip(uses, values))
    ]


def _picked(sweep: Sweep, pick: dict[int, int]) -> tuple[Any, Place]:
    index = pick.get(sweep.number, 0)
    return sweep.values[index], sweep.places[index]


def _choose(here: Map | Seq, key, pick: dict[int, int]):
    """Put the picked value of a sweep at `key`, with its place; or look below."""
    if not isinstance(here[key], Sweep):
        return _below(here[key], pick)
    value, place = _picked(here[key], pick)
    here[key] = value
    (here.values_at if isinstance(here, Map) else here.items_at)[key] = place


def _below(value, pick: dict[int, int]):
    for key in list(value) if isinstance(value, Map) else range(len(value)) if isinstance(value, Seq) else ():
        _choose(value, key, pick)


# ---- reading -----------------------------------------------------------------------------------------------


def _swept(value, path: tuple, place: Place, faults: Faults, found: list[Sweep]):
    """The value, with each `{sweep: ...}` in it replaced by a Sweep."""
    if isinstance(value, Map) and list(value) == ["sweep"]:
        values, places = _values(value["sweep"], (*path, "sweep"), value.at("sweep"), faults)
        found.append(Sweep(values, places, len(found)))
        return found[-1]
    for key in list(value) if isinstance(value, Map) else range(len(value)) if isinstance(value, Seq) else ():
        at = value.at(key) if isinstance(value, Map) else value.items_at[key]
        value[key] = _swept(value[key], (*path, key), at, faults, found)
    return value


def _values(given, path: tuple, place: Place, faults: Faults) -> tuple[list, list[Place]]:
    """Values of a sweep and their places; [None] with a fault where they cannot be read."""
    if isinstance(given, Seq) and given:
        return list(given), list(given.items_at)
    try:
        values = numbers(given) if isinstance(given, Map) else None
    except (ValueError, OverflowError) as e:
        faults.add(place, path, f"{e}; {_HOW}")
        return [None], [place]
    if values is None:
        faults.add(place, path, _HOW)
        return [None], [place]
    return values, [place] * len(values)


def numbers(given: Map, many: str = "num") -> list | None:
    """Values of {from, to, num}, {from, to, num, log} or {from, to, step}; None for another form.

    many : the word for how many there are. Errors: ValueError, OverflowError.
    """
    rest = set(given) - {"from", "to"}
    if not {"from", "to"} <= set(given) or rest not in ({many}, {many, "log"}, {"step"}):
        return None
    (a, unit), (b, other) = _number(given["from"]), _number(given["to"])
    step, own = _number(given["step"]) if "step" in given else (None, unit)
    if not unit == other == own:
        raise ValueError(f'"{unit}", "{other}" and "{own}" are not one unit: write all of them in the same')
    if step is None:
        _countable(given[many], many)
        values = _spaced(a, b, given[many], given.get("log", False))
    else:
        values = _stepped(a, b, step)
    return [f"{v!r} {unit}" for v in values] if unit else values


def _countable(n, many: str):
    if type(n) is not int or not 2 <= n <= MOST:
        raise ValueError(f"{many}: {n!r} is not a whole number from 2 to {MOST}")


def _number(value) -> tuple[float, str]:
    """(number, unit) of 3, 0.7 or "55 um"."""
    if type(value) in (int, float) and math.isfinite(value):
        return value, ""
    found = _NUMBER.match(value) if isinstance(value, str) and len(value) < 100 else None
    if not found or not math.isfinite(float(found[1])):
        raise ValueError(f"{value!r} is not a number")
    return float(found[1]), found[2]


def _spaced(a, b, n, log) -> list:
    """n values from a to b, of equal distance or (log) of equal ratio."""
    if not isinstance(log, bool):
        raise ValueError(f"log: {log!r} is neither true nor false")
    if log and not (a > 0 and b > 0):
        raise ValueError(f"log: true needs from and to above 0, not {a:g} and {b:g}")
    step = (lambda t: a * (b / a) ** t) if log else (lambda t: a + (b - a) * t)
    return [_short(step(i / (n - 1))) for i in range(n)]


def _stepped(a, b, step) -> list:
    """a, a + step ... up to b, which belongs to them."""
    if not step or (b - a) / step < 0 or (b - a) / step > MOST:
        raise ValueError(f"a step of {step:g} does not lead from {a:g} to {b:g} in at most {MOST} values")
    n = math.floor((b - a) / step + 1e-9) + 1
    if all(type(v) is int for v in (a, b, step)):
        return [a + i * step for i in range(n)]
    return [_short(a + i * step) for i in range(n)]


def _short(value: float) -> float:
    """0.7 and not 0.7000000000000001: 12 digits say all that was meant."""
    return float(f"{value:.12g}")
