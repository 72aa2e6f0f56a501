"""Which results an item of a workflow was made from, and whether those are still what is there.

STAGE/ITEM/made.from.json, written where an item begins:
{"stages": {STAGE: {"whole": true, "items": {ITEM: identity}}}, "previous": {ITEM: identity}}

whole : it reads the folder of the stage, so that an item that comes later is missing in it; else it names
single items of it. identity : of a result, by its outcome.json, which every run of an item writes anew: it
outlives a copy of the folder. An item without the file (of an older version) is taken as it is.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from nanompi.io.ordinary import whole

FILE = "made.from.json"
NAMED = 5  # items that a message names


@dataclass
class Around:
    """What an item can be made from, as paths of items.

    stages : {stage that it needs: its items}; before : items before it in its chain, the nearest first
    """

    stages: dict[str, list[Path]]
    before: list[Path]


def identity(item: Path) -> str:
    """Of the result of an item; "" where it has none."""
    try:
        text = whole(item / "outcome.json", 1 << 20)
        ended = json.loads(text)["code"] == 0 and (item / "result.h5").is_file()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    raw = text if isinstance(text, bytes) else text.encode()
    return sha256(raw).hexdigest()[:16] if ended else ""


def made_from(around: Around, job: Any) -> dict[str, Any]:
    """What stands in the file, as things are now. job : the values of the resolved job"""
    words = list(every_text(job))
    stages = {name: _stage(items, words) for name, items in around.stages.items()}
    found = {p.name: own for p in around.before if (own := identity(p))}
    return {"stages": stages, "previous": dict(list(found.items())[:1])}


def _stage(items: list[Path], texts: list[str]) -> dict[str, Any]:
    """Of one stage: all its results, or those of the items that the job names, if it names such alone."""
    place = str(items[0].parent.absolute())
    heads = [part.split("/", 2)[1:2] for text in texts for part in text.split(place)[1:]]
    names = {head[0] if head else "" for head in heads}
    known = {item.name: item for item in items}
    some = bool(names) and names <= set(known)
    return {"whole": not some, "items": {n: identity(p) for n, p in known.items() if not some or n in names}}


def every_text(value):
    """All texts in nested values"""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from every_text(one)
    elif isinstance(value, str):
        yield value


def outdated(item: Path, around: Around, now: Callable[[Path], str] | None = None) -> str:
    """Why an item that has a result must be made anew, "" where it need not.

    "0001-scan=2 is there now", "0001-scan=2 was made again". now : `identity`, where it is kept
    """
    try:
        note = json.loads(whole(item / FILE, 64 << 20))
        return _outdated(note, around, now or cache(identity))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""


def _outdated(note: dict, around: Around, now: Callable[[Path], str]) -> str:
    come, again = [], []
    for name, items in around.stages.items():
        own = note["stages"].get(name, {"whole": False, "items": {}})
        for path in items:
            was, own_now = own["items"].get(path.name), now(path)
            if own_now and own_now != was and (own["whole"] or was is not None):
                (again if was else come).append(path.name)
    nearest = next((path for path in around.before if now(path)), None)
    if nearest and note["previous"].get(nearest.name) != now(nearest):
        (again if nearest.name in note["previous"] else come).append(nearest.name)
    return "; ".join(filter(None, [_said(come, "there now"), _said(again, "made again since")]))


def _said(names: list[str], what: str) -> str:
    if not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more} {'is' if len(names) == 1 else 'are'} {what}"
