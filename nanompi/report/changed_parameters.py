"""Which parameters of a job differ from their defaults, from job.resolved.yaml of a run."""

from typing import Any, NamedTuple

from nanompi.job.methods import rows
from nanompi.job.yaml12 import one_line
from nanompi.step import METHODS


class Parameter(NamedTuple):
    """A parameter of a job: "ptycho: probe.modes", its value and its default as YAML, what it means."""

    place: str
    value: str
    default: str
    help: str


def differing(job: dict[str, Any]) -> list[Parameter]:
    """The parameters of a resolved job whose value is not the default, in the order of the job.

    Call `nanompi.methods.discover()` before; parts that are not known are left out.
    """
    out = []
    for title, cls, tree in _sections(job):
        out += _differing(title, cls, tree)
    return out


def _sections(job: dict[str, Any]):
    """(title, class, values) of all parts of a job that are known"""
    from nanompi.job.job import SECTIONS

    given = _dict(job.get("input"))
    yield "input", SECTIONS["input"], given
    yield "input", METHODS["reader"].get(str(given.get("format"))), given
    for step in job.get("steps") if isinstance(job.get("steps"), list) else []:
        use = str(_dict(step).get("use"))
        yield use, METHODS["step"].get(use), _dict(step)
    for name in ("output", "run"):
        yield name, SECTIONS[name], _dict(job.get(name))


def _differing(title: str, cls: type | None, tree: dict[str, Any]) -> list[Parameter]:
    out = []
    for name, default, _, text in rows(cls) if cls else ():
        value = _at(tree, name)
        if _is_chain(value):
            chain = " ".join(map(_link, value))
            out += [Parameter(f"{title}: {name}", chain, default, text)] * (chain != default)
            for one in value:
                out += _differing(_link(one), METHODS[_kind(cls, name)].get(next(iter(one))), one)
        elif value is not None and not isinstance(value, dict) and one_line(value) != default:
            out.append(Parameter(f"{title}: {name}", one_line(value), default, text))
    return out


def _is_chain(value) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and one for one in value)


def _kind(cls: type, name: str) -> str:
    """Of what registered parts a chain is."""
    field = getattr(cls, "__dataclass_fields__", {}).get(name)
    kind = field.metadata.get("kind") if field else ""
    return kind if kind in METHODS else "engine"


def _link(one: dict[str, Any]) -> str:
    """An engine of a chain: DM*50"""
    name, count = next(iter(one.items()))
    return name if count is None else f"{name}*{count}"


def _at(tree: dict[str, Any], place: str):
    """The value at a dotted name; None where nothing is"""
    for name in place.split("."):
        tree = _dict(tree).get(name)
    return tree


def _dict(value) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
