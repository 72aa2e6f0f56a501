"""A first job file with comments, made from what the parts declare: so it always passes `check`."""

import os
from dataclasses import MISSING

from nanompi.job.leaf import about, default, section_of
from nanompi.job.methods import doc
from nanompi.job.model import parameters
from nanompi.job.resolve import simple
from nanompi.job.yaml12 import write
from nanompi.read import Input
from nanompi.run import Options
from nanompi.step import KINDS, PARTS

STEPS = ("ptycho.prepare", "ptycho", "ptycho.finish")
WIDTH = 48


def starter(file: str, scan: str = "") -> str:
    """Text of a job file that will stand in `file`. scan : the scan file; without it the scan is simulated."""
    folder = os.path.dirname(os.path.abspath(file))
    source = os.path.relpath(scan, folder) if scan else ""
    head = [
        "# A nanompi job. Lines after # are defaults: take the # away to change one.",
        "# `nanompi check FILE` tests this file, `nanompi run -n 2 FILE` runs it, `nanompi methods ptycho` explains.",
        "",
        "nanompi: 1",
        write({"name": os.path.splitext(os.path.basename(file))[0]}).rstrip(),
    ]
    return "\n".join([*head, "", *_input(source), "", "steps:", *_steps(), "", *_options(), ""])


def _input(source: str) -> list[str]:
    lines = ["input:"]
    if source:
        lines.append(_said("  " + write({"file": source}).rstrip(), "the scan file"))
    else:
        lines.append(_said("  simulate: {}", "no file: a scan is simulated; or write  file: scan.cxi"))
    known = {n: p for n, p in parameters(Input).items() if n != "file"}
    return lines + [_line("  # ", name, *one) for name, one in known.items()]


def _steps() -> list[str]:
    lines = []
    for name in STEPS:
        cls = PARTS["step"].get(name)
        lines.append(_said(f"  - use: {name}", doc(cls) if cls else ""))
        lines += _commented(cls, "    # ") if cls else []
    return lines


def _options() -> list[str]:
    return ["# run:", *_commented(Options, "#   ")]


def _commented(cls: type, lead: str) -> list[str]:
    """All parameters of a part or section as comments with their defaults."""
    lines = []
    for name, (field, hint) in parameters(cls).items():
        if section_of(hint) and default(field) is not None:
            lines += [_said(f"{lead}{name}:", about(field)["help"]), *_commented(section_of(hint), lead + "  ")]
        else:
            lines.append(_line(lead, name, field, hint))
    return lines


def _line(lead: str, name: str, field, hint) -> str:
    note, standard = about(field), default(field)
    if note["kind"] not in KINDS:
        standard = simple(standard, note["unit"]) if standard is not MISSING else "..."
    return _said(f"{lead}{write({name: standard}).rstrip()}" if not isinstance(standard, dict | list) else f"{lead}{name}: {_flow(standard)}", note["help"])


def _flow(value) -> str:
    import yaml

    return yaml.safe_dump(value, default_flow_style=True, width=1000).strip()


def _said(line: str, help: str) -> str:
    return f"{line:<{WIDTH}} # {help}" if help else line
