"""Writes a first job file with comments, from what steps, readers and engines declare."""

import os
import re
from dataclasses import MISSING, dataclass, field, is_dataclass
from typing import Any

from nanompi.errors import DataError, NanompiError
from nanompi.job.first_workflow import text_of
from nanompi.job.leaf import about, default, section_of
from nanompi.job.methods import doc
from nanompi.job.model import parameters
from nanompi.job.resolve import simple
from nanompi.job.templates import SIMULATED, Template
from nanompi.job.yaml12 import write
from nanompi.run.options import Options
from nanompi.run.reading import Input, open_data, reader_of, refuse
from nanompi.step import KINDS, METHODS

WIDTH = 48


@dataclass(frozen=True)
class Lines:
    """How the parameters of one part are written: as comments, but those that are given.

    level : "basic" leaves out what only experts touch
    given : {dotted parameter: value}, which stand there without #
    found : {parameter: value} that the scan file says, shown as what a comment would change
    wanted: {parameter: example} of what the user must fill in
    """

    level: str = "expert"
    given: dict[str, Any] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)
    wanted: dict[str, Any] = field(default_factory=dict)

    def of(self, cls: type, indent: str, mark: str = "# ", skip=(), above: str = "", base=None) -> list[str]:
        """All parameters of a part or section with their defaults (those of `base` where given).

        indent : what stands before mark and name; mark : of a line that is a comment
        """
        out = []
        for name, (known, hint) in parameters(cls).items():
            if name not in skip and self._shown(above + name, known):
                standard = default(known) if base is None else getattr(base, known.name)
                section = section_of(hint) if is_dataclass(standard) else None
                out += self._one((above + name, known, section), indent, mark, standard)
        return out

    def _shown(self, path: str, known) -> bool:
        return self.level == "expert" or about(known)["level"] == "basic" or self._stands(path)

    def _stands(self, path: str) -> bool:
        """Is it given, or something in it?"""
        return any(one == path or one.startswith(path + ".") for one in self.given)

    def _one(self, known, indent: str, mark: str, standard) -> list[str]:
        path, known, section = known
        lead = indent + ("" if self._stands(path) else mark)
        note, name = about(known), path.rpartition(".")[2]
        if section and path not in self.given:
            head = _said(f"{lead}{name}:", note["help"])
            mark = mark if self._stands(path) else mark + "  "
            deeper = indent + ("  " if self._stands(path) else "")
            return [head, *self.of(section, deeper, mark, above=path + ".", base=standard)]
        if path in self.found:
            return [
                _line(lead, name, {**note, "help": f"{note['help']}: that of the file"}, self.found[path])
            ]
        if path in self.wanted and path not in self.given:
            return [_line(lead, name, {**note, "help": f"fill in: {note['help']}"}, self.wanted[path])]
        return [_line(lead, name, note, self.given.get(path, standard))]


def starter(
    file: str, scan: str = "", template: Template | None = None, level: str = "expert", schema: str = ""
) -> str:
    """Text of a job file that will stand in `file`.

    scan     : the scan file, of a workflow the folder of the scans; without one data are simulated
    template : what it is about; without one ptychography, or what the reader of the scan proposes
    level    : "basic" = with the parameters that a beginner touches, "expert" = with all
    schema   : where editors find the schema of jobs
    """
    if template and template.workflow:
        return text_of(template.name, file, scan)
    source = os.path.relpath(scan, os.path.dirname(os.path.abspath(file))) if scan else ""
    plain = template or Template("ptycho", "", SIMULATED, METHODS["reader"][SIMULATED].steps)
    name, guess = _guess(scan, source) if scan else (plain.reader, [])
    steps = plain.steps if template or not scan else getattr(METHODS["reader"].get(name), "steps", ())
    head = [
        *([f"# yaml-language-server: $schema={schema}"] if schema else []),
        "# A nanompi job. Lines after # are defaults: take the # away to change one.",
        "# `nanompi check FILE` tests it, `nanompi run -n 2 FILE` runs it; `nanompi methods` explains.",
        *(["# More parameters: nanompi init --level expert"] if level == "basic" else []),
        "",
        "nanompi: 1",
        write({"name": os.path.splitext(os.path.basename(file))[0]}).rstrip(),
    ]
    body = [*_input(name, source, guess, Lines(level, plain.given.get("input", {}), _facts(scan)), plain)]
    body += ["", "steps:", *_steps(steps, level, plain.given, bool(scan)), "", "# run:"]
    return "\n".join([*head, "", *body, *Lines(level).of(Options, "", "#   "), ""])


def knows(scan: str) -> bool:
    """Is there a reader for a scan file, or one that guesses what is where?"""
    return bool(_guess(scan, scan)[0])


def _facts(scan: str) -> dict[str, Any]:
    """Parameters of the input that the file itself says: {"energy": J, "distance": m, "pixel": m}."""
    from nanompi.job.job import read_input

    if not scan:
        return {}
    try:
        given, reader = read_input(scan)
        facts = next(iter(open_data(given.file, given, reader).values())).facts
    except NanompiError:
        return {}
    out = {key: facts[key] for key in ("energy", "distance") if isinstance(facts.get(key), float)}
    pixel = facts.get("pixel")
    sides = set(pixel) if isinstance(pixel, tuple | list) else {pixel}
    return out | (
        {"pixel": float(pixel[0])} if pixel and len(sides) == 1 and isinstance(pixel, tuple) else {}
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
    able = {one: readers[one].guess for one in readers.having("guess")}
    return next(((one, lines) for one, guess in able.items() if (lines := guess(scan, source))), (name, []))


def _input(reader: str, source: str, guess: list[str], lines: Lines, template: Template) -> list[str]:
    out = ["input:"]
    if guess:
        out += ["  # a guess by shapes and names: look at it", *guess[1:]]
    elif source:
        out.append(_said("  " + write({"file": source}, 1000).rstrip(), "the scan file"))
    else:
        out += [f"  format: {reader}"] if reader != SIMULATED else []
        made = write([template.simulated], 1000, flow=True).strip()[1:-1]
        out.append(_said(f"  simulate: {made}", "no file: a scan is simulated; or write  file: scan.cxi"))
    own = lines.of(METHODS["reader"][reader], "  ") if source and not guess and reader else []
    return out + own + lines.of(Input, "  ", skip=("file", *_keys(guess)))


def _keys(guess: list[str]) -> list[str]:
    """Keys of a guessed section, those in its comments, too: they stand in the job once."""
    return [found[1] for line in guess if (found := re.match(r"  (?:# )?(\w+): ", line))]


def _steps(names, level: str, given: dict[str, dict[str, Any]], measured: bool) -> list[str]:
    """Those of a first job and those before them; of measured data with what must be filled in."""
    lines = []
    for name in _with_preceding(names):
        cls = METHODS["step"].get(name)
        lines.append(_said(f"  - use: {name}", doc(cls) if cls else ""))
        wanted = getattr(cls, "fill_in", {}) if measured else {}
        lines += Lines(level, given.get(name, {}), wanted=wanted).of(cls, "    ") if cls else []
    return lines or ["  # name them here: `nanompi methods` lists them with what they work on"]


def _with_preceding(names) -> list[str]:
    """Steps behind those that a run inserts before them."""
    out: list[str] = []
    for name in names:
        out += [*_with_preceding(getattr(METHODS["step"].get(name), "preceded_by", ())), name]
    return list(dict.fromkeys(out))


def _line(lead: str, name: str, note: dict, standard) -> str:
    if standard is MISSING:
        return _said(f"{lead}{name}: ...", note["help"])
    value = standard if note["kind"] in KINDS else simple(standard, note["unit"])
    return _said(f"{lead}{name}: {write([value], 1000, flow=True).strip()[1:-1]}", note["help"])


def _said(line: str, help: str) -> str:
    return f"{line:<{WIDTH}} # {help}" if help else line
