"""Checks one value of a job file against annotation, unit and limits: by pydantic, with our own messages."""

import math
import re
from dataclasses import MISSING, Field, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from nanompi.errors import JobError, nearest, no_path, odd, shown
from nanompi.job.exact import UNSURE, exact
from nanompi.job.yaml12 import plain
from nanompi.step import METHODS
from nanompi.units import DIMENSIONS, quantity, show

_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", NoneType: "null"}
_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_BLANK = re.compile("[\n\t\u00a0\u2000-\u200a\u202f\u205f\u3000]")  # copied from a page
_SWITCHES = ("off", "on", "no", "yes", "false", "true", "none", "null")  # words of YAML 1.1: texts in 1.2
WHOLE, SIZES = 2**63, (1e-30, 1e30)  # of numbers in a job: whole ones, and others
PLAIN = {"help": "", "unit": "", "bare": "", "kind": "", "limits": {}, "level": "basic", "same_answer": False}


def about(field: Field) -> dict:
    """What `param` noted of a dataclass field: help, unit, bare, kind, limits, level, same_answer."""
    return {**PLAIN, **field.metadata}


def default(field: Field) -> Any:
    """The default of a dataclass field, a fresh one where it is made; MISSING where it is required."""
    return field.default_factory() if field.default_factory is not MISSING else field.default


def members(hint) -> tuple:
    """The members of a union; the annotation itself where it is none."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def section_of(hint) -> type | None:
    """The dataclass in an annotation such as `Schedule`, `Schedule | None`."""
    return next((m for m in members(hint) if is_dataclass(m)), None)


def chained(hint, note: dict) -> bool:
    """Is the value a chain of registered parts, and not the name of one?"""
    return note["kind"] in METHODS and hint is not str


def literals(hint) -> list:
    """All values that the Literal members name."""
    return [v for m in members(hint) if get_origin(m) is Literal for v in get_args(m)]


def leaf(value: Any, hint, note: dict) -> Any:
    """The checked value. note : from `about`. Errors: JobError saying what is wrong and what is allowed."""
    given = plain(value)
    if why := _unfit(given, note["kind"]):
        raise JobError(f"{quoted(given)} does not fit here: {why}" + _help(note))
    changed = _whole(_with_unit(given, hint, note), hint)
    if why := _beyond(changed):
        raise JobError(
            f"{quoted(given)} does not fit here: {why}; allowed: {allowed(hint, note)}" + _help(note)
        )
    sure = exact(changed, hint, note["limits"])
    return _judged(given, changed, hint, note) if sure is UNSURE else sure


def _judged(given: Any, changed: Any, hint, note: dict) -> Any:
    """The value as pydantic returns it. given : as in the job; changed : in the unit of the parameter"""
    from pydantic import ValidationError

    try:
        return adapter(hint, tuple(note["limits"].items())).validate_python(changed)
    except ValidationError:
        raise JobError(_wrong(given, hint, note)) from None


def _unfit(value: Any, kind: str) -> str:
    """Why no parameter may have the value, or one of this kind; "" where nothing speaks against it."""
    if isinstance(value, float):
        return "" if math.isfinite(value) else "it is not a finite number"
    if isinstance(value, dict | list):
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        reasons = (_unfit(v, kind) for v in inner if v not in (math.inf, -math.inf))  # an open bound is one
        return next(filter(None, reasons), "")
    if not isinstance(value, str) or not value:
        return ""
    if kind in ("file", "dataset", "folder"):
        what = "folder" if kind == "folder" else "file"
        if value.lower() in _SWITCHES:
            return f'it would be the name of a {what}: leave the key out, or write "./{value}" if it is meant'
        return no_path(value) or (f"it holds {odd(value)}" if odd(value) and kind == "folder" else "")
    bad = odd(value if kind == "line" else _BLANK.sub(" ", value))
    return f"it holds {bad}" if bad else ""


def _beyond(value: Any) -> str:
    """Why a number, or one in a list, is none that anybody means: powers and products of it would be no
    numbers any more, or 0; "" where it is one."""
    if isinstance(value, list):
        return next(filter(None, map(_beyond, value)), "")
    if not isinstance(value, int | float) or isinstance(value, bool) or value in (0, math.inf, -math.inf):
        return ""
    if isinstance(value, int):
        return "" if abs(value) < WHOLE else "it is no whole number of 64 bits"
    low, high = SIZES
    return "" if low <= abs(value) <= high else f"its size is not between {low:g} and {high:g}"


def allowed(hint, note: dict) -> str:
    """What may stand here, in words: 'a whole number >= 1 or "auto"'."""
    return " or ".join(dict.fromkeys(_word(m, note) for m in members(hint)))


@cache
def adapter(hint, limits: tuple):
    """pydantic's judge of an annotation (a TypeAdapter), strict, with the limits on each number in it.

    pydantic is imported when the first value is judged that `exact` leaves open.
    """
    from pydantic import TypeAdapter

    return TypeAdapter(_strict(hint, dict(limits)))


def _strict(hint, limits: dict):
    from pydantic import Field as Limits
    from pydantic import Strict

    origin, inner = get_origin(hint), get_args(hint)
    if hint in (int, float):
        return Annotated[hint, Strict(), Limits(**limits)]
    if hint in (bool, str):
        return Annotated[hint, Strict()]
    if origin in (Union, UnionType):
        return Union[tuple(_strict(m, limits) for m in inner)]  # noqa: UP007  the members are computed
    if origin in (list, tuple, dict):
        return origin[tuple(m if m is ... else _strict(m, limits) for m in inner)]
    return hint


def _with_unit(value: Any, hint, note: dict) -> Any:
    """Texts and bare numbers of a quantity as numbers in its unit; in lists too."""
    if not note["unit"]:
        return value
    if isinstance(value, list):
        return [_with_unit(v, hint, note) for v in value]
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value in literals(hint):
        return value
    try:
        return quantity(value, note["unit"], note["bare"])
    except JobError as e:
        if str in members(hint):
            return value
        words = [f'"{v}"' for v in literals(hint)]
        raise JobError(str(e) + (f"; or {', '.join(words)}" if words else "")) from None


def _whole(value: Any, hint) -> Any:
    """1e4 is the whole number 10000 where no fraction is possible."""
    kinds = _leaves(hint)
    if float in kinds or int not in kinds:
        return value
    if isinstance(value, list):
        return [_whole(v, hint) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _leaves(hint) -> set:
    if get_origin(hint) is Literal:
        return set()
    inner = get_args(hint)
    return set().union(*map(_leaves, inner)) if inner else {hint}


def _word(hint, note: dict) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return ", ".join(quoted(v) for v in inner)
    if hint in (int, float):
        return _WORDS[hint] + _unit(note) + _range(note)
    if origin is tuple and ... not in inner:
        return f"a list of {len(inner)}: [{', '.join(_word(m, note) for m in inner)}]"
    if origin in (list, tuple):
        return f"a list, each {_word(inner[0], note)}"
    if origin is dict:
        return f"a mapping, each value {_word(inner[1], note)}"
    return _WORDS.get(hint) or {list: "a list", dict: "a mapping", Any: "any value"}.get(hint, "{...}")


def _unit(note: dict) -> str:
    if not note["unit"]:
        return ""
    return f" with a unit (a bare number is in {note['bare']})"


def _range(note: dict) -> str:
    value = lambda v: show(v, note["unit"]) if v and note["unit"] in DIMENSIONS else f"{v:g}"  # noqa: E731
    return ",".join(f" {_SIGNS[k]} {value(v)}" for k, v in note["limits"].items())


def quoted(value) -> str:
    """A value as the job file writes it; a long one is cut."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f'"{shown(value, 200)}"' if isinstance(value, str) else shown(value, 200)


def _wrong(value: Any, hint, note: dict) -> str:
    close = nearest(value, literals(hint)) if isinstance(value, str) else ""
    text = f"{quoted(value)} does not fit here{close}; allowed: {allowed(hint, note)}"
    if hint is str and isinstance(value, int | float):
        text += f' (write it in quotes: "{quoted(value)}")'
    return text + _help(note)


def _help(note: dict) -> str:
    return f" - {note['help']}" if note["help"] else ""
