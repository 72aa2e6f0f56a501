"""What a first job can begin with: those of the program, those of a site or group, those of plug-ins.

A template of the program says which steps, and which parameters stand in the job in place of their defaults.
Any job file can be one: those in the folders of $NANOMPI_TEMPLATES, and those beside the module that an entry
point of the group `nanompi.templates` names. What stands in the comment at its top is what `nanompi init
--list` shows.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanompi.errors import JobError, nearest
from nanompi.job.first_workflow import WORKFLOWS
from nanompi.job.methods import doc
from nanompi.run.foreign import BROKEN, cause
from nanompi.run.plugins import offered
from nanompi.step import METHODS

VARIABLE, GROUP = "NANOMPI_TEMPLATES", "nanompi.templates"
SIMULATED = "simulate"  # the reader of a first job without a file


@dataclass(frozen=True)
class Template:
    """reader : the one that simulates data, where no scan is given
    given     : {step, or "input": {dotted parameter: value}}, what is not as it would be by itself
    simulated : of the simulation
    file      : a job file, of which the others are not known
    workflow  : is it one of `nanompi.job.first_workflow`?
    """

    name: str
    about: str
    reader: str = SIMULATED
    steps: tuple[str, ...] = ()
    given: dict[str, dict[str, Any]] = field(default_factory=dict)
    simulated: dict[str, Any] = field(default_factory=dict)
    file: Path | None = None
    workflow: bool = False


PTYCHO = {  # name: (about, given, simulated)
    "far-field": ("ptychography with the detector far behind the sample", {}, {}),
    "near-field": (
        "ptychography in a divergent beam: full-field frames behind a focus",
        {"input": {"focus": "10 mm"}},
        {"frames": 100},
    ),
    "modes": (
        "a beam that is partly coherent: two probe modes",
        {"ptycho": {"probe.modes": 2}},
        {"modes": 2},
    ),
    "positions": (
        "motors that miss by a pixel: positions are refined",
        {"ptycho": {"engines": "DM*50 ML*100", "positions": True}},
        {"misplaced": "1 px"},
    ),
    "background": (
        "light that comes from elsewhere than the sample",
        {"ptycho": {"background": "auto"}},
        {"background": 2},
    ),
    "orientation": (
        "frames of which nobody knows how they are stored",
        {"ptycho.prepare": {"orientation": "auto"}},
        {"orientation": 4},
    ),
    "resolution": ("what a scan resolves, by two halves of it", {"ptycho": {"frc": "halves"}}, {}),
}


def templates() -> dict[str, Template]:
    """All by name; a job file wins over one of the program. Call `nanompi.methods.discover()` before."""
    return {one.name: one for one in (*_of_methods(), *_of_ptychography(), *_workflows(), *_of_folders())}


def find(name: str) -> Template:
    """The template of a name. Errors: JobError with the nearest one."""
    known = templates()
    if name not in known:
        raise JobError(no_template(name))
    return known[name]


def no_template(name: str) -> str:
    """What is told of a name that no template has."""
    known = templates()
    text = f'there is no template "{name}"{nearest(name, known)}'
    return f"{text}; `nanompi init --list` shows them: {', '.join(known)}"


def _of_methods() -> list[Template]:
    """One for each reader that simulates: tomo, xrf, xanes, xrd; and stxm."""
    readers, out = METHODS["reader"], []
    for name, steps in readers.facts("steps").items():
        if name.endswith(f".{SIMULATED}"):
            out.append(_of_steps(name.removesuffix(f".{SIMULATED}"), name, steps))
    out.append(_of_steps("ptycho", SIMULATED, readers[SIMULATED].steps))
    return [*out, _of_steps("stxm", SIMULATED, ("map.stxm",))]


def _of_steps(name: str, reader: str, steps: tuple[str, ...]) -> Template:
    """A first job with these steps, described by the one of its name, else by the last."""
    own = next((s for s in steps if s == name), steps[-1] if steps else "")
    about = METHODS["step"].facts("doc").get(own, doc(Template))
    return Template(name, about, reader, tuple(steps))


def _of_ptychography() -> list[Template]:
    steps = METHODS["reader"][SIMULATED].steps
    return [Template(n, about, SIMULATED, steps, *more) for n, (about, *more) in PTYCHO.items()]


def _workflows() -> list[Template]:
    return [Template(n, about, workflow=True) for n, (about, _) in WORKFLOWS.items()]


def _of_folders() -> list[Template]:
    """Job files of $NANOMPI_TEMPLATES and of plug-ins, which are named by their files."""
    given = [Path(folder).expanduser() for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]
    for folder in given:
        BROKEN.pop(f"{VARIABLE}: {folder}", None)
        if not folder.is_dir():
            BROKEN[f"{VARIABLE}: {folder}"] = f"{VARIABLE}: {folder} is no folder"
    files = [file for folder in (*_of_plug_ins(), *given) for file in sorted(folder.glob("*.yaml"))]
    return [Template(file.stem, _comment(file), file=file.absolute()) for file in files]


def _of_plug_ins() -> list[Path]:
    """Folders of the modules, or packages, that entry points name; one that cannot be found is named in
    `nanompi.run.foreign.BROKEN` and left out. The module of templates itself is not imported."""
    found = []
    for point in offered(GROUP):
        try:
            found.append(_folder_of(point.module))
            BROKEN.pop(f"{GROUP}: {point.name}", None)
        except (Exception, SystemExit) as e:
            why = f'the templates "{point.name}" ({point.value}) cannot be found: {cause(e)}'
            BROKEN[f"{GROUP}: {point.name}"] = why
    return found


def _folder_of(module: str) -> Path:
    from importlib.util import find_spec

    if (spec := find_spec(module)) is None:
        raise ModuleNotFoundError(f"there is no module {module}")
    places = [
        *(spec.submodule_search_locations or ()),
        *([str(Path(spec.origin).parent)] * bool(spec.origin)),
    ]
    return Path(places[0])


def _comment(file: Path) -> str:
    """The first sentence at the top of a job file."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    said = [
        line.lstrip("# ")
        for line in lines[: next((k for k, v in enumerate(lines) if v[:1] != "#"), len(lines))]
    ]
    words = " ".join(line for line in said if not line.startswith("yaml-language-server"))
    return words.split(". ")[0]
