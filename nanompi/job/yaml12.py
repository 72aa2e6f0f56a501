"""YAML with the scalar rules of YAML 1.2 (core schema): reading to values that know their place, and writing.

PyYAML follows YAML 1.1, where `4:00:00` is 14400, `off` is False, `1e-3` is text and `2026-11-22` a date.
Here only null, true/false, whole numbers (also 0o17, 0x1f) and numbers are not text.
"""

import math
import re
from functools import lru_cache
from typing import Any

import yaml
from yaml.composer import Composer

from nanompi.errors import JobError, shown
from nanompi.job.faults import Faults, Place
from nanompi.job.text import bounded

MOST, DEEPEST = 100_000, 100  # values (also those that aliases repeat), and levels of one in another
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


class _Limit(yaml.MarkedYAMLError):
    """More than a person writes, or more than a computer wants to read."""


class _Bounded:
    """Values composed in bounds, whoever scans the text."""

    depth = count = 0

    def compose_node(self, parent, index):
        """One value, in bounds: PyYAML walks down by recursion."""
        self.depth, self.count = self.depth + 1, self.count + 1
        if self.depth > DEEPEST or self.count > MOST:
            what = f"more than {DEEPEST} levels" if self.depth > DEEPEST else f"more than {MOST} values"
            raise _Limit(problem=f"{what}; a job file has fewer", problem_mark=self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Reader(_Bounded, yaml.SafeLoader):
    yaml_implicit_resolvers = {}


def _quick() -> type:
    """A reader whose text is scanned by libyaml, where PyYAML has it. That takes tabs and gives other
    reasons: it is not for what people write."""
    scanner = getattr(yaml, "CSafeLoader", None)
    if scanner is None:
        return _Reader

    class Quick(_Bounded, Composer, scanner):
        """libyaml composes by itself, without bounds: PyYAML's own composer does it here"""

        yaml_implicit_resolvers = {}

        def __init__(self, stream):
            scanner.__init__(self, stream)
            Composer.__init__(self)

    return Quick


_Quick = _quick()


class _Writer(yaml.SafeDumper):
    yaml_implicit_resolvers = {}

    def ignore_aliases(self, data):
        return True

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


for _name, (_text, _first) in _RULES.items():
    for _class in (_Reader, _Quick, _Writer):
        _class.add_implicit_resolver(_TAG + _name, re.compile(_text), _first)


class Map(dict):
    """A mapping of a job file: `place` of itself, `keys_at` and `values_at` of what it holds.

    step   : the class of the step that it describes, where its name alone does not tell
    number : place of this step in the list of the job; None for one that is not listed there
    """

    step: type | None = None
    number: int | None = None

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
        node = yaml.compose(bounded(text), Loader=_Reader)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        faults.add(Place(file, mark.line + 1, mark.column + 1), "", _why(e))
        return None, Place(file, 1, 1)
    except JobError as e:
        faults.add(Place(file, 1, 1), "", str(e))
        return None, Place(file, 1, 1)
    except yaml.YAMLError as e:
        faults.add(Place(file, 1, 1), "", f"this is not YAML: {str(e).splitlines()[0]}")
        return None, Place(file, 1, 1)
    if node is None:
        return None, Place(file, 1, 1)
    return _Values(file, faults).value(node, ()), _place(node, file)


def reread(text: str) -> Any:
    """The plain values of a text that `write` made, six times as fast as by `read`; None where it has faults,
    as one that somebody has edited since may have."""
    faults = Faults()
    try:
        node = yaml.compose(bounded(text), Loader=_Quick)
        value = None if node is None else _Values("", faults).value(node, ())
    except (yaml.YAMLError, JobError):  # `read` decides whether it is YAML
        value, _ = read(text, "", faults)
    return None if len(faults) else plain(value)


def write(value: Any, width: int = 110, flow: bool = False) -> str:
    """YAML text of plain values, read back by `read` as the same values. flow : {a: 1} instead of lines."""
    options = {"sort_keys": False, "allow_unicode": True, "default_flow_style": flow}
    return yaml.dump(value, Dumper=_Writer, width=width, **options)


def one_line(value: Any) -> str:
    """A value as it stands behind its key, in one line: off, 3, {a: 1}. Many parameters share a few."""
    return (_known_line if type(value) in (str, int, bool, type(None)) else _line)(value)


def _line(value) -> str:
    return write([value], 1000, flow=True).strip()[1:-1]


_known_line = lru_cache(1024, typed=True)(_line)


def plain(value: Any) -> Any:
    """The same value of plain dicts and lists, without places."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def _why(e: yaml.MarkedYAMLError) -> str:
    text = e.problem or e.context or "cannot be read"
    if isinstance(e, _Limit):
        return text
    return f"this is not YAML: {text}" + (" (a tab: indent with spaces)" if "\\t" in text else "")


def _place(node, file: str) -> Place:
    return Place(file, node.start_mark.line + 1, node.start_mark.column + 1)


class _Values:
    """The values of a tree of nodes; each alias repeats what it stands for, which is bounded, too."""

    def __init__(self, file: str, faults: Faults):
        self.file, self.faults, self.count = file, faults, 0

    def value(self, node, above: tuple):
        """The value of a node. above : the nodes that it is a part of"""
        self.count += 1
        if self.count >= MOST:
            if self.count == MOST:
                text = f"with what its aliases (`*name`) repeat, the file has more than {MOST} values"
                self.faults.add(_place(node, self.file), "", text)
            return None
        if node in above or len(above) > DEEPEST:
            text = "this part contains itself (`*name` inside `&name`); write it out"
            deep = f"more than {DEEPEST} levels"
            self.faults.add(_place(node, self.file), "", text if node in above else deep)
            return None
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node, self.file, self.faults)
        if node.tag not in (_TAG + "map", _TAG + "seq"):
            text = f"the tag {_short(node.tag)} is not used in job files; remove it"
            self.faults.add(_place(node, self.file), "", text)
        fill = self.map if isinstance(node, yaml.MappingNode) else self.seq
        return fill(node, (*above, node))

    def map(self, node, above: tuple) -> Map:
        """A mapping; its keys are plain words, each once."""
        out = Map(_place(node, self.file))
        for key, value in node.value:
            at = _place(key, self.file)
            if not isinstance(key, yaml.ScalarNode):
                self.faults.add(at, "", "a key must be a plain word")
            elif key.value in out:
                first = out.keys_at[key.value]
                text = f'the key "{key.value}" stands here again (first in line {first.line})'
                self.faults.add(at, "", text)
            else:
                out.put(key.value, self.value(value, above), at, _place(value, self.file))
        return out

    def seq(self, node, above: tuple) -> Seq:
        """A list."""
        out = Seq(_place(node, self.file))
        for item in node.value:
            out.put(len(out), self.value(item, above), _place(item, self.file))
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
    if kind == "int" and not _in_64_bits(text):
        most = f"whole numbers are at most {2**63 - 1}"
        other = "where it need not be whole, write it with an exponent, as in 6.02e23"
        faults.add(_place(node, file), "", f"{shown(text, 40)} is beyond 64 bits: {most}; {other}")
        return text
    return {"null": lambda t: None, "bool": lambda t: t[0] in "tT", "int": _int, "float": _float}[kind](text)


def _in_64_bits(text: str) -> bool:
    """Is the whole number one that arrays can hold? (Python counts on, and refuses to read 5,000 digits.)"""
    return len(text) <= 24 and -(2**63) <= _int(text) < 2**63


def _int(text: str) -> int:
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _float(text: str) -> float:
    low = text.lower()
    if low.endswith(".inf"):
        return -math.inf if low[0] == "-" else math.inf
    return math.nan if low == ".nan" else float(text)


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag
