"""Braces in the stages of a workflow: `raw/{scan:04d}.h5` becomes the text of each item.

`{{` is a brace, `${NAME}` a variable of the environment; the command of a `shell:` step has its own braces.
"""

import re
from collections.abc import Iterator
from typing import Any

from nanompi.errors import nearest
from nanompi.job.faults import Faults, Place, Spot
from nanompi.job.yaml12 import Map, Seq

_PART = re.compile(r"\$\{[^{}]*\}|\{\{|\}\}|\{([^{}]*)\}")
OWN = ("shell",)  # keys whose text has braces of its own


def check(value, known: dict[str, Any], spot: Spot, faults: Faults):
    """Note each brace that nobody fills. known : {word: an example of its value}"""
    for text, here in _texts(value, spot):
        for inner in filter(None, (part[1] for part in _PART.finditer(text) if part[1] is not None)):
            if why := _why_not(inner, known):
                faults.add(here.place, here.path, why)
        if "{}" in _PART.sub(lambda part: part[0] if part[1] == "" else "", text):
            faults.add(here.place, here.path, f"{{}} names nothing; allowed: {_allowed(known)}")


def words(value) -> set[str]:
    """All words that stand in braces."""
    found = (part[1] for text, _ in _texts(value, Spot(Place())) for part in _PART.finditer(text) if part[1])
    return {inner.partition(":")[0] for inner in found}


def filled(value, known: dict[str, Any]):
    """A copy of a value with its braces filled; a text that is one brace alone becomes the value itself."""
    if isinstance(value, Map):
        out = Map(value.place)
        for key, one in value.items():
            own = key in OWN and isinstance(one, str)
            out.put(key, one if own else filled(one, known), value.keys_at[key], value.values_at[key])
        return out
    if isinstance(value, Seq):
        out = Seq(value.place)
        for one, place in zip(value, value.items_at):
            out.put(len(out), filled(one, known), place)
        return out
    return _text(value, known) if isinstance(value, str) else value


def _text(text: str, known: dict[str, Any]):
    alone = _PART.fullmatch(text)
    if alone and alone[1] in known:
        return known[alone[1]]
    return _PART.sub(lambda part: _part(part, known), text)


def _part(part: re.Match, known: dict[str, Any]) -> str:
    if part[1] is None:
        return part[0][0] if part[0] in ("{{", "}}") else part[0]
    name, _, form = part[1].partition(":")
    try:
        return format(known[name], form) if name in known else part[0]
    except ValueError:  # told by `check`
        return part[0]


def _texts(value, spot: Spot) -> Iterator[tuple[str, Spot]]:
    """All texts below a value that are filled, each with its place."""
    if isinstance(value, Map):
        for key, one in value.items():
            if not (key in OWN and isinstance(one, str)):
                yield from _texts(one, spot.below(key, value.at(key)))
    elif isinstance(value, Seq):
        for k, (one, place) in enumerate(zip(value, value.items_at)):
            yield from _texts(one, spot.below(k, place))
    elif isinstance(value, str):
        yield value, spot


def _why_not(inner: str, known: dict[str, Any]) -> str:
    """Why a brace cannot be filled; "" when it can."""
    name, _, form = inner.partition(":")
    if name not in known:
        return f"{{{inner}}} is not known here{nearest(name, known)}; allowed: {_allowed(known)}"
    try:
        format(known[name], form)
    except ValueError as error:
        return f"{{{inner}}}: {known[name]!r} cannot be written as {form!r}: {error}"
    return ""


def _allowed(known) -> str:
    return ", ".join(f"{{{name}}}" for name in known) + "; {{ for a brace itself"
