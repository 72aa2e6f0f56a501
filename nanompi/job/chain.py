"""Chains of engines, left to right: "DM*100 ML*200", or a list of such texts and of {dm: 100, alpha: 0.9}."""

import dataclasses
import re
from typing import Any

from nanompi.errors import nearest
from nanompi.job.faults import Faults, Spot
from nanompi.job.yaml12 import Map, Seq
from nanompi.run.foreign import left_out
from nanompi.step import METHODS

LONGEST = 10_000  # links of a list, or characters of a text


def links(given: Any, kind: str, spot: Spot, faults: Faults) -> list[tuple[type, Map, Spot]]:
    """The chain as [(registered class, its parameters, spot)], without the links that are faults."""
    before = len(faults)
    if len(given if isinstance(given, str | list) else ()) > LONGEST:
        faults.add(spot.place, spot.path, f"a chain of more than {LONGEST} {kind}s")
        return []
    found = [link for item, below in _items(given, spot) for link in _link(item, kind, below, faults)]
    if not found and len(faults) == before:
        faults.add(spot.place, spot.path, f"the chain is empty; write {_example(kind)}")
    return found


def _items(given, spot: Spot) -> list[tuple[Any, Spot]]:
    """Words and mappings of the chain, each with its spot."""
    if isinstance(given, str):
        return [(word, spot) for word in re.sub(r"\s*\*\s*", "*", given).split()]
    if isinstance(given, list):
        places = given.items_at if isinstance(given, Seq) else [spot.place] * len(given)
        return [
            pair for item, at in zip(given, places) for pair in _items(_no_list(item), Spot(at, spot.path))
        ]
    return [(given, spot)]


def _no_list(item):
    return str(item) if isinstance(item, list) else item


def _link(item, kind: str, spot: Spot, faults: Faults):
    """One link of the chain, in a list; an empty list when it has a fault."""
    link = _mapping(item, spot) if isinstance(item, str) else item
    if not isinstance(link, Map) or not link:
        faults.add(spot.place, spot.path, f"{item!r} is not a chain of {kind}s; write {_example(kind)}")
        return []
    word, names = next(iter(link)), {name.lower(): name for name in METHODS[kind]}
    if word.lower() not in names:
        text = f'unknown {kind} "{word}"{nearest(word, METHODS[kind])}; allowed: {", ".join(METHODS[kind])}'
        text += left_out()
        faults.add(link.keys_at[word], spot.path, text)
        return []
    name = names[word.lower()]
    return [
        (
            METHODS[kind][name],
            _values(link, word, METHODS[kind][name], spot, faults),
            spot.below(name, link.place),
        )
    ]


def _mapping(word: str, spot: Spot) -> Map:
    """ "DM*100" as {DM: 100}."""
    name, _, times = word.partition("*")
    link = Map(spot.place)
    count = int(times) if re.fullmatch("[0-9]{1,400}", times) else times
    link.put(name, count if "*" in word else None, spot.place, spot.place)
    return link


def _values(link: Map, word: str, cls: type, spot: Spot, faults: Faults) -> Map:
    """The parameters of a link: the value beside the name is the number of iterations."""
    given = Map(link.place)
    for key in link:
        given.put(key, link[key], link.keys_at[key], link.values_at[key])
    count = given.pop(word)
    if count is None:
        return given
    if "iterations" in [f.name for f in dataclasses.fields(cls)]:
        given.put("iterations", count, link.keys_at[word], link.values_at[word])
    else:
        faults.add(
            link.values_at[word], (*spot.path, word), f"{word} counts no iterations; write {word} alone"
        )
    return given


def _example(kind: str) -> str:
    names = [*METHODS[kind], "NAME"][:2]
    return f'for example "{"*100 ".join(names)}*100"'
