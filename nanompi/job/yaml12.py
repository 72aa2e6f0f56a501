"""YAML with the scalar rules of YAML 1.2 (core schema): reading to values that know their place, and writing.

PyYAML follows YAML 1.1, where `4:00:00` is 14400, `off` is False, `1e-3` is text and `2026-11-22` a date.
Here only null, true/false, whole numbers (also 0o17, 0x1f) and numbers are not text.
"""

import math
import re
from typing import Any

import yaml

from nanompi.job.faults import Faults, Place

_TAG = "tag:yaml.org,2002:"
_RULES = {
    "null": (r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    "bool": (r"(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    "int": (r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    "float": (
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+0123456789."),
    ),
}


class _Reader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}


class _Writer(yaml.SafeDumper):
    yaml_implicit_resolvers = {}

    def ignore_aliases(self, data):
        return True

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


for _name, (_text, _first) in _RULES.items():
    for _class in (_Reader, _Writer):
        _class.add_implicit_resolver(_TAG + _name, re.compile(_text), _first)


class Map(dict):
    """A mapping of a job file: `place` of itself, `keys_at` and `values_at` of what it holds."""

    def __init__(self, place: Place = Place()):  # noqa: B008  Place is frozen
        super().__init__()
        self.place, self.keys_at, self.values_at = place, {}, {}

    def put(self, key: str, value: Any, key_at: Place, value_at: Place):
        """Set a value together with its places."""
        self[key], self.keys_at[key], self.values_at[key] = value, key_at, value_at

    def at(self, key: str) -> Place:
        """Place of the value of `key`; of the mapping where it has none."""
        return self.values_at.get(key, self.place)


class Seq(list):
    """A list of a job file: `place` of itself, `items_at` of each item."""

    def __init__(self, place: Place = Place()):  # noqa: B008  Place is frozen
        super().__init__()
        self.place, self.items_at = place, []

    def put(self, index: int, value: Any, place: Place):
        """Insert a value together with its place."""
        self.insert(index, value)
        self.items_at.insert(index, place)


def read(text: str, file: str, faults: Faults) -> tuple[Any, Place]:
    """The value of one YAML document (Map, Seq, text, number, bool, None) and its place."""
    try:
        node = yaml.compose(text, Loader=_Reader)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        faults.add(Place(file, mark.line + 1, mark.column + 1), "", f"this is not YAML: {_why(e)}")
        return None, Place(file, 1, 1)
    except yaml.YAMLError as e:
        faults.add(Place(file, 1, 1), "", f"this is not YAML: {str(e).splitlines()[0]}")
        return None, Place(file, 1, 1)
    if node is None:
        return None, Place(file, 1, 1)
    return _value(node, file, faults, ()), _place(node, file)


def write(value: Any, width: int = 110, flow: bool = False) -> str:
    """YAML text of plain values, read back by `read` as the same values. flow : {a: 1} instead of lines."""
    options = {"sort_keys": False, "allow_unicode": True, "default_flow_style": flow}
    return yaml.dump(value, Dumper=_Writer, width=width, **options)


def plain(value: Any) -> Any:
    """The same value of plain dicts and lists, without places."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def _why(e: yaml.MarkedYAMLError) -> str:
    text = e.problem or e.context or "cannot be read"
    if "\\t" in text:
        return text + " (a tab: indent with spaces)"
    return text


def _place(node, file: str) -> Place:
    return Place(file, node.start_mark.line + 1, node.start_mark.column + 1)


def _value(node, file: str, faults: Faults, above: tuple):
    if node in above:
        faults.add(_place(node, file), "", "this part contains itself (`*name` inside `&name`); write it out")
        return None
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, file, faults)
    if node.tag not in (_TAG + "map", _TAG + "seq"):
        faults.add(_place(node, file), "", f"the tag {_short(node.tag)} is not used in job files; remove it")
    fill = _map if isinstance(node, yaml.MappingNode) else _seq
    return fill(node, file, faults, (*above, node))


def _map(node, file: str, faults: Faults, above: tuple) -> Map:
    out = Map(_place(node, file))
    for key, value in node.value:
        at = _place(key, file)
        if not isinstance(key, yaml.ScalarNode):
            faults.add(at, "", "a key must be a plain word")
        elif key.value in out:
            first = out.keys_at[key.value]
            faults.add(at, "", f'the key "{key.value}" stands here again (first in line {first.line})')
        else:
            out.put(key.value, _value(value, file, faults, above), at, _place(value, file))
    return out


def _seq(node, file: str, faults: Faults, above: tuple) -> Seq:
    out = Seq(_place(node, file))
    for item in node.value:
        out.put(len(out), _value(item, file, faults, above), _place(item, file))
    return out


def _scalar(node, file: str, faults: Faults):
    kind, text = node.tag.removeprefix(_TAG), node.value
    if kind not in ("null", "bool", "int", "float", "str"):
        faults.add(_place(node, file), "", f"the tag {_short(node.tag)} is not used in job files; remove it")
        return text
    if kind == "str":
        return text
    if not re.match(_RULES[kind][0], text):
        faults.add(
            _place(node, file), "", f"{text!r} is not of the kind that its tag {_short(node.tag)} says"
        )
        return text
    return {"null": lambda t: None, "bool": lambda t: t[0] in "tT", "int": _int, "float": _float}[kind](text)


def _int(text: str) -> int:
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _float(text: str) -> float:
    low = text.lower()
    if low.endswith(".inf"):
        return -math.inf if low[0] == "-" else math.inf
    return math.nan if low == ".nan" else float(text)


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag
