"""A job file as one tree: YAML, `extends:`, `set:` and `--set`; nothing here knows what the keys mean."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanompi.errors import JobError, nearest, no_path, odd
from nanompi.job import yaml12
from nanompi.job.faults import Faults, Place
from nanompi.job.paths import expanded
from nanompi.job.swept import Sweep, find
from nanompi.job.text import read_text
from nanompi.job.yaml12 import DEEPEST, Map, Seq

LONGEST_CHAIN = 100  # files that extend one another
__all__ = ["Set", "Sweep", "Tree", "apply", "load", "setting"]


@dataclass
class Set:
    """One `path = value` of `set:` or `--set`, with the places of the path and of the value."""

    path: str
    value: Any
    place: Place
    value_at: Place


@dataclass
class Tree:
    """values : the job as written, bases merged in; sets : not yet applied; text : the job file itself."""

    values: Map
    sets: list[Set] = field(default_factory=list)
    text: str = ""


def load(file: str, settings: list[str], faults: Faults) -> Tree:
    """Read a job file and the bases it extends. settings : texts "a.b=value" from the command line.

    The sets stand in order: those of the deepest base first, the command line last.
    """
    tree = _file(file, faults, Place(), ())
    tree.sets += [s for text in settings if (s := setting(text, faults))]
    find(tree, faults)
    return tree


def of_values(given: dict, settings: list[str], faults: Faults) -> Tree:
    """The tree of a job that a program has as plain values; `extends` counts from the current folder."""
    text, own = yaml12.write(given), Faults()
    values, _ = yaml12.read(text, "", own)
    for fault in own.found:
        faults.add(Place(), fault.path, fault.text)
    values = values if isinstance(values, Map) else Map()
    _move(values, Place())
    tree = Tree(values, _sets(values, faults), text)
    tree = _extended(tree, "", faults, ()) if "extends" in values else tree
    tree.sets += [s for text in settings if (s := setting(text, faults))]
    find(tree, faults)
    return tree


def inner(values: Map, faults: Faults) -> Tree:
    """The tree of a job that stands inside a file, with its own `extends` and `set`; `values` is used up."""
    tree = Tree(values, _sets(values, faults))
    tree = _extended(tree, values.place.file, faults, ()) if "extends" in values else tree
    find(tree, faults)
    return tree


def setting(text: str, faults: Faults) -> Set | None:
    """A `--set` argument: "steps.ptycho.probe.modes=3", the value in YAML."""
    path, equals, value = text.partition("=")
    place = Place(f"--set {text}")
    if odd(text):
        faults.add(place, "", f"{odd(text)} cannot stand in a value; write it into the job file")
        return None
    if not equals or not path.strip():
        faults.add(place, "", "write it as path=value, for example --set steps.ptycho.probe.modes=3")
        return None
    own = Faults()
    read, _ = yaml12.read(value, "", own)
    for fault in own.found:
        faults.add(place, path.strip(), fault.text)
    _move(read, place)
    one = Set(path.strip(), read, place, place)
    return one if _settable(one, faults) else None


def apply(values: Map, one: Set, names=()):
    """Put one set into the tree. names : steps that may be meant though they are not in the list.

    Errors: KeyError when a list item (a step) is not there; JobError when it cannot be put anywhere.
    """
    here, key = _walk(values, one, names)[-1]
    if isinstance(here, Map):
        here.put(key, one.value, one.place, one.value_at)
    else:
        here[key], here.items_at[key] = one.value, one.value_at


def _walk(values: Map, one: Set, names) -> list[tuple[Map | Seq, str | int]]:
    """The path of a set as (mapping or list, key in it), from the top; absent mappings are made."""
    here, rest, keys = values, one.path.split("."), []
    while rest:
        if isinstance(here, Seq):
            key, rest = _item(here, rest, names)
        elif isinstance(here, Map):
            key, rest = rest[0], rest[1:]
        else:
            raise JobError(f"{'.'.join(str(k) for _, k in keys)} holds one value, {here!r}: set it whole")
        keys.append((here, key))
        if rest:
            here = _below(here, key, one)
    return keys


def _below(here: Map | Seq, key, one: Set):
    """What stands under `key`; an absent or empty mapping is made."""
    if isinstance(here, Map) and here.get(key) is None:
        here.put(key, Map(one.place), one.place, one.place)
    return here[key]


def _item(items: Seq, rest: list[str], names) -> tuple[int, list[str]]:
    """Index of the list item that the path names (by number, or a step by `use`), and the rest."""
    uses = [str(item.get("use")) if isinstance(item, Map) else str(item) for item in items]
    if re.fullmatch("[0-9]{1,9}", rest[0]) and int(rest[0]) < len(items):
        return int(rest[0]), rest[1:]
    listed = [n for n in range(len(rest), 0, -1) if ".".join(rest[:n]) in [*uses, *names]]
    name = ".".join(rest[: listed[0]]) if listed else ".".join(rest[:-1]) or rest[0]
    if uses.count(name) == 1:
        return uses.index(name), rest[listed[0] :]
    if name in uses:
        raise JobError(f'"{name}" is listed more than once: name it by its place (steps.0 is the first)')
    there = f"there are {', '.join(uses) or 'none'}, by name or 0 to {len(items) - 1}"
    raise KeyError(f'"{name}" is not in the list{nearest(name, uses)}; {there}')


# ---- files -------------------------------------------------------------------------------------------


def _file(file: str, faults: Faults, asked: Place, above: tuple) -> Tree:
    text = _text(file, faults, asked)
    values, place = yaml12.read(text, file, faults) if text is not None else (Map(asked), asked)
    if not isinstance(values, Map):
        if not len(faults):
            faults.add(
                place,
                "",
                "a job file is a mapping: `nanompi: 1`, `input:`, `steps:` (`nanompi init` writes one)",
            )
        values = Map(place)
    tree = Tree(values, _sets(values, faults), text or "")
    if "extends" not in values:
        return tree
    return _extended(tree, file, faults, (*above, os.path.realpath(file)))


def _extended(tree: Tree, file: str, faults: Faults, above: tuple) -> Tree:
    place, base = tree.values.at("extends"), tree.values.pop("extends")
    if not isinstance(base, str):
        faults.add(place, "extends", f"{base!r} is not a file name")
        return tree
    if why := no_path(base):
        faults.add(place, "extends", f"this cannot be the name of a file: {why}")
        return tree
    if len(above) > LONGEST_CHAIN:
        faults.add(place, "extends", f"more than {LONGEST_CHAIN} files that extend one another")
        return tree
    try:
        path = os.path.join(os.path.dirname(file), expanded(base))
    except JobError as error:
        faults.add(place, "extends", str(error))
        return tree
    if os.path.realpath(path) in above:
        faults.add(place, "extends", f"{base} extends this file in turn; one of the two must stand alone")
        return tree
    under = _file(path, faults, place, above)
    merge(under.values, tree.values)
    return Tree(under.values, under.sets + tree.sets, tree.text)


def _text(file: str, faults: Faults, asked: Place) -> str | None:
    try:
        return read_text(file)
    except FileNotFoundError:
        folder = Path(file).parent
        others = [f.name for f in folder.glob("*.y*ml")] if folder.is_dir() else []
        why = f"there is no such file{nearest(Path(file).name, others)}; `nanompi init` writes one"
    except JobError as e:
        why = str(e)
    if asked.line:
        faults.add(asked, "extends", f"{file}: {why}")
    else:
        faults.add(Place(file), "", why)
    return None


def merge(base: Map, over: Map):
    """Put `over` into `base`: mappings key by key, everything else whole."""
    for key, value in over.items():
        if isinstance(value, Map) and isinstance(base.get(key), Map):
            merge(base[key], value)
        else:
            base.put(key, value, over.keys_at[key], over.values_at[key])


def _sets(values: Map, faults: Faults) -> list[Set]:
    place, sets = values.at("set"), values.pop("set", None)
    if sets is None:
        return []
    if not isinstance(sets, Map):
        faults.add(place, "set", "write it as a mapping, for example set: {steps.ptycho.probe.modes: 3}")
        return []
    found = [Set(k, v, sets.keys_at[k], sets.values_at[k]) for k, v in sets.items()]
    return [one for one in found if _settable(one, faults)]


def _settable(one: Set, faults: Faults) -> bool:
    """May this path be set? What a file extends and sets is read before anything can be set."""
    words = one.path.split(".")
    if words[0] in ("extends", "set"):
        faults.add(one.place, one.path, f"`{words[0]}` can only stand at the top of a job file")
    elif len(words) > DEEPEST:
        faults.add(one.place, one.path, f"a path of more than {DEEPEST} words")
    else:
        return True
    return False


def _move(value, place: Place):
    """Say of a whole value that it was written at `place`."""
    if isinstance(value, Map):
        value.place = place
        value.keys_at = value.values_at = dict.fromkeys(value, place)
    elif isinstance(value, Seq):
        value.place, value.items_at = place, [place] * len(value)
    for below in value.values() if isinstance(value, Map) else value if isinstance(value, Seq) else ():
        _move(below, place)
