"""Faults that many items of a stage have are told once. An item has name, number and values."""

import re
from collections import Counter
from typing import Any

from nanompi.job.faults import Fault, Place, Spot


def kinds(pairs: list[tuple[Any, Fault]]) -> list[list[tuple[Any, Fault]]]:
    """Faults that are the same: word for word, or but for the values of their items."""
    same = Counter(str(fault) for _, fault in pairs)
    found: dict[tuple, list[tuple[Any, Fault]]] = {}
    for item, fault in pairs:
        text = fault.text if same[str(fault)] > 1 else _without_values(fault.text, item)
        found.setdefault((fault.place, fault.path, text), []).append((item, fault))
    return list(found.values())


def _without_values(text: str, item) -> str:
    """The text of a fault but for numbers and for what is of its item alone."""
    for value in sorted((str(one) for one in item.values.values()), key=len, reverse=True):
        text = text.replace(value, "#") if len(value) > 2 else text
    return re.sub(r"\d+", "#", text)


def told(pairs: list[tuple[Any, Fault]], total: int, spot: Spot) -> Fault:
    """One fault for all items that have it."""
    item, fault = pairs[0]
    who = ""
    if len({one.number for one, _ in pairs}) == total > 1:
        who = f" (in all {total} items)"
    elif total > 1:
        others = len({one.number for one, _ in pairs}) - 1
        more = f", and {others} more of {total} items" if others else ""
        who = f" (item {item.name}{more})"
    path = ".".join((*spot.path, *filter(None, [fault.path])))
    counted = ".".join((*spot.path, *filter(None, [fault.counted])))
    place = spot.place if fault.place == Place() else fault.place
    return Fault(place, path, fault.text + who, fault.data, counted)
