"""Writes a first job file with comments, from what steps, readers and engines declare."""

import os
from dataclasses import MISSING, is_dataclass

from nanompi.errors import DataError
from nanompi.job.leaf import about, default, section_of
from nanompi.job.methods import doc
from nanompi.job.model import parameters
from nanompi.job.resolve import simple
from nanompi.job.yaml12 import write
from nanompi.run.perform import Options
from nanompi.run.reading import Input, reader_of, refuse
from nanompi.step import KINDS, METHODS

SIMULATED = "simulate"  # the reader of a first job without a file
WIDTH = 48


def first_jobs() -> dict[str, tuple[str, tuple[str, ...]]]:
    """{what one can begin with, without a file: (reader that simulates it, steps)}: tomo, xrf, stxm ..."""
    readers, out = METHODS["reader"], {}
    for name, one in readers.items():
        if name.endswith(f".{SIMULATED}"):
            out[name.removesuffix(f".{SIMULATED}")] = name, one.steps
    own = readers[SIMULATED].steps
    out |= {"ptycho": (SIMULATED, own), "stxm": (SIMULATED, ("map.stxm",))}
    return out


def starter(file: str, scan: str = "", method: str = "ptycho") -> str:
    """Text of a job file that will stand in `file`.

    scan : the scan file; without one data for `method`, one of `first_jobs`, are simulated
    """
    folder = os.path.dirname(os.path.abspath(file))
    source = os.path.relpath(scan, folder) if scan else ""
    name, guess = _guess(scan, source) if scan else (first_jobs()[method][0], [])
    steps = first_jobs()[method][1] if not scan else getattr(METHODS["reader"].get(name), "steps", ())
    head = [
        "# A nanompi job. Lines after # are defaults: take the # away to change one.",
        "# `nanompi check FILE` tests it, `nanompi run -n 2 FILE` runs it; `nanompi methods` explains.",
        "",
        "nanompi: 1",
        write({"name": os.path.splitext(os.path.basename(file))[0]}).rstrip(),
    ]
    return "\n".join(
        [*head, "", *_input(name, source, guess), "", "steps:", *_steps(steps), "", *_options(), ""]
    )


def _guess(scan: str, source: str) -> tuple[str, list[str]]:
    """The reader for a file, and the input section, by shapes and names, where a reader needs to be told
    what is where; "" and [] where nobody knows the file."""
    refuse(scan, {})
    readers = METHODS["reader"]
    try:
        name = reader_of({"file": scan})
        if not getattr(readers[name], "needs_paths", False):
            return name, []
    except DataError:
        name = ""
    able = {one: reader.guess for one, reader in readers.items() if hasattr(reader, "guess")}
    return next(((one, lines) for one, guess in able.items() if (lines := guess(scan, source))), (name, []))


def _input(reader: str, source: str, guess: list[str]) -> list[str]:
    lines = ["input:"]
    if guess:
        lines += ["  # a guess by shapes and names: look at it", *guess[1:]]
    elif source:
        lines.append(_said("  " + write({"file": source}, 1000).rstrip(), "the scan file"))
    else:
        lines += [f"  format: {reader}"] if reader != SIMULATED else []
        lines.append(_said("  simulate: {}", "no file: a scan is simulated; or write  file: scan.cxi"))
    known = {n: p for n, p in parameters(Input).items() if n != "file"}
    own = _commented(METHODS["reader"][reader], "  # ") if source and not guess and reader else []
    return lines + own + [_line("  # ", n, about(f), default(f)) for n, (f, _) in known.items()]


def _steps(names) -> list[str]:
    """Those of a first job, and those that come before them."""
    lines = []
    for name in _with_preceding(names):
        cls = METHODS["step"].get(name)
        lines.append(_said(f"  - use: {name}", doc(cls) if cls else ""))
        lines += _commented(cls, "    # ") if cls else []
    return lines or ["  # name them here: `nanompi methods` lists them with what they work on"]


def _with_preceding(names) -> list[str]:
    """Steps behind those that a run inserts before them."""
    out: list[str] = []
    for name in names:
        out += [*_with_preceding(getattr(METHODS["step"].get(name), "preceded_by", ())), name]
    return list(dict.fromkeys(out))


def _options() -> list[str]:
    return ["# run:", *_commented(Options, "#   ")]


def _commented(cls: type, lead: str, base=None) -> list[str]:
    """All parameters of a part or section as comments with their defaults (those of `base` where given)."""
    lines = []
    for name, (field, hint) in parameters(cls).items():
        standard = default(field) if base is None else getattr(base, name)
        if section_of(hint) and is_dataclass(standard):
            lines.append(_said(f"{lead}{name}:", about(field)["help"]))
            lines += _commented(section_of(hint), lead + "  ", standard)
        else:
            lines.append(_line(lead, name, about(field), standard))
    return lines


def _line(lead: str, name: str, note: dict, standard) -> str:
    if standard is MISSING:
        return _said(f"{lead}{name}: ...", note["help"])
    value = standard if note["kind"] in KINDS else simple(standard, note["unit"])
    return _said(f"{lead}{name}: {write([value], 1000, flow=True).strip()[1:-1]}", note["help"])


def _said(line: str, help: str) -> str:
    return f"{line:<{WIDTH}} # {help}" if help else line
