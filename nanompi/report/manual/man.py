"""The man page, from what the verbs say of themselves."""

from dataclasses import dataclass

from nanompi import __version__
from nanompi.report.manual.codes import exit_codes

FILES = {
    "runs/NAME/run-0001/": "a run: result.h5, report.html, job.yaml, job.resolved.yaml, status.json, logs/",
    "runs/NAME/latest": "the latest run of a job",
    "runs/NAME/run-0001/stop": "made by touch: the run ends early with a full result",
}
VARIABLES = {
    "NANOMPI_TEMPLATES": "folders of job files that `nanompi init --list` shows, with : between them",
    "NANOMPI_CHECK": "1: ranks compare what they are about to do at each sum or message to all",
    "NANOMPI_PICTURES": "no: runs and sweeps draw no pictures, which take seconds of each",
    "NANOMPI_GEOMETRY": "no: verdicts try no other geometries, 20 s of computing or a twentieth of a run",
    "OMP_NUM_THREADS": "threads of each rank, where the job leaves them to the program",
}


@dataclass(frozen=True)
class Verb:
    """One command: its sentence, its description, and [(how an argument is written, help)]."""

    name: str
    text: str
    about: str
    arguments: list[tuple[str, str]]


def man(verbs: list[Verb]) -> str:
    """nanompi(1) as roff."""
    out = [f'.TH NANOMPI 1 "" "nanompi {_plain(__version__)}" "User Commands"']
    out += [".SH NAME", r"nanompi \- from hard X-ray nanoprobe data to images, one MPI program"]
    out += [".SH SYNOPSIS", r".B nanompi", r"\fICOMMAND\fR ...", ".br", r"mpirun \-n N nanompi run JOB.yaml"]
    out += [".SH COMMANDS", *(line for verb in verbs for line in _verb(verb))]
    for title, table in (
        ("EXIT STATUS", exit_codes()),
        ("FILES", FILES.items()),
        ("ENVIRONMENT", VARIABLES.items()),
    ):
        out += [f".SH {title}", *(line for name, text in table for line in _entry(name, text))]
    out += [".SH SEE ALSO", r"The manual as a page: nanompi manual \-o manual.html"]
    return "\n".join(out) + "\n"


def _verb(verb: Verb) -> list[str]:
    out = [f".SS nanompi {_plain(verb.name)}"]
    for number, paragraph in enumerate(filter(None, verb.about.strip().split("\n\n"))):
        example = paragraph.startswith("    ")
        out += [".PP"] if number and not example else []
        out += [".nf", _plain(paragraph), ".fi"] if example else [_plain(" ".join(paragraph.split()))]
    return out + [line for name, text in verb.arguments for line in _entry(name, text)]


def _entry(name: str, text: str) -> list[str]:
    return [".TP", rf"\fB{_plain(name)}\fR", _plain(text) or "."]


def _plain(text: str) -> str:
    """Text that roff takes as it is: no escapes, no line that is a request."""
    lines = text.replace("\\", r"\e").replace("-", r"\-").split("\n")
    return "\n".join(r"\&" + line if line[:1] in (".", "'") else line for line in lines)
