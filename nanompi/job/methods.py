"""The text of `nanompi methods` and `nanompi methods ptycho`: what can be named in a job file."""

from dataclasses import MISSING, is_dataclass
from typing import get_args, get_origin

from nanompi.errors import JobError, nearest
from nanompi.job import yaml12
from nanompi.job.leaf import about, allowed, chained, default, section_of
from nanompi.job.model import parameters
from nanompi.job.own import made_of
from nanompi.job.resolve import simple
from nanompi.run.figures import figures_of
from nanompi.run.foreign import left_out
from nanompi.step import KINDS, METHODS, OWN, Item, Total, facts_of


def table() -> list[tuple[str, list[tuple[str, str]]]]:
    """[(kind, [(name, first sentence)])] of everything registered."""
    return [(kind, list(METHODS[kind].facts("doc").items())) for kind in KINDS]


def doc(cls: type) -> str:
    """First sentence or paragraph of a part's docstring, on one line."""
    return facts_of(cls)["doc"]


def given(cls: type) -> list[str]:
    """What a step or reader gives, by name, with the axes of data: "maps (each frame: line)"."""
    gives = getattr(cls, "gives", ())
    names = [name for name in gives if not name.startswith(OWN)]
    return [_with_axes(cls, name, gives[name]) for name in names] if isinstance(gives, dict) else names


def _with_axes(cls: type, name: str, kind) -> str:
    if not isinstance(kind, Item):
        return f"{name} ({', '.join(kind)})"
    of = "sum of all" if isinstance(kind, Total) else f"each {cls.each}"
    return f"{name} ({': '.join(filter(None, (of, ', '.join(kind.axes))))})"


def find(name: str) -> list[type]:
    """The parts of this name, in any case, of any kind; or FILE.py:NAME. Errors: JobError."""
    if cls := made_of(name):
        return [cls]
    known = {n for kind in KINDS for n in METHODS[kind]}
    found = [METHODS[kind][n] for kind in KINDS for n in METHODS[kind] if n.lower() == name.lower()]
    if not found:
        raise JobError(
            f'"{name}" is not a step, reader or engine{nearest(name, known)}; `nanompi methods` lists them'
            + left_out()
        )
    return found


def scores(cls: type) -> list[str]:
    """The scores by which a sweep can rank runs of a step, the usual one first."""
    figures = [figure for figure in figures_of([cls]).values() if figure.score]
    return [figure.score for figure in sorted(figures, key=lambda figure: not figure.usual)]


def rows(cls: type, above: str = "", base=None) -> list[tuple[str, str, str, str]]:
    """Parameters of a part as (dotted name, default, what is allowed, help); those of its sections follow it.

    base : the instance that is the default of a section; its values are the defaults
    """
    out = []
    for name, (field, hint) in parameters(cls).items():
        note, standard = about(field), default(field) if base is None else getattr(base, field.name)
        section = section_of(hint) or (section_of(get_args(hint)[0]) if get_origin(hint) is list else None)
        out.append(
            (above + name, _default(standard, note, section), _allowed(hint, note, section), note["help"])
        )
        if section:
            out += rows(section, f"{above}{name}.", standard if isinstance(standard, section) else None)
    return out


def _default(standard, note: dict, section) -> str:
    if standard is MISSING:
        return "required"
    if section and is_dataclass(standard):
        return ""
    value = standard if note["kind"] in KINDS else simple(standard, note["unit"])
    return yaml12.one_line(value)


def _allowed(hint, note: dict, section) -> str:
    if note["kind"] in METHODS:
        names = ", ".join(METHODS[note["kind"]])
        return f"a chain of {names}" if chained(hint, note) else f"one of {names}"
    return "section" if section else allowed(hint, note)
