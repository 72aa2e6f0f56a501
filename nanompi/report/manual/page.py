"""The page of the manual, and its fragments for other pages."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nanompi import __version__, papers
from nanompi.errors import JobError, nearest
from nanompi.job import methods
from nanompi.job.job import SECTIONS
from nanompi.report.manual.guide import chapters, inline
from nanompi.report.manual.text import doc, html
from nanompi.step import KINDS, METHODS

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Entry:
    """One part of the program in the manual: a reader, step, engine, partition or section of a job."""

    kind: str
    name: str
    part: type

    @property
    def id(self) -> str:
        """Name of its place in the page: step-ptycho.prepare"""
        return f"{self.kind}-{self.name}"

    @property
    def text(self) -> str:
        """Its docstring as HTML"""
        return html(doc(self.part))

    @property
    def papers(self) -> list[papers.Paper]:
        """Those that its text names"""
        return [papers.table()[doi] for doi in papers.named(doc(self.part))]

    @property
    def rows(self) -> list[tuple[str, str, str, str]]:
        """Its parameters: name, default, what is allowed, meaning"""
        return methods.rows(self.part)


def entries() -> list[tuple[str, list[Entry]]]:
    """[(kind, its entries)] of all that a job can name. Call `nanompi.methods.discover()` before."""
    found = [(kind, METHODS[kind]) for kind in KINDS] + [("section", SECTIONS)]
    return [(kind, [Entry(kind, name, part) for name, part in table.items()]) for kind, table in found]


def fragment(name: str) -> str:
    """HTML of all entries of this name ("ptycho", "ML", "input"). Errors: JobError where there is none."""
    every = [entry for _, some in entries() for entry in some]
    found = [entry for entry in every if entry.name.lower() == name.lower()]
    if not found:
        raise JobError(f'the manual has no "{name}"{nearest(name, [entry.name for entry in every])}')
    return "".join(_template("entry.html.j2").render(entry=entry) for entry in found)


def page(pictures: Path | None = None) -> str:
    """The whole manual as one HTML file. pictures : folder with those of the guide"""
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("manual.css", "manual.js"))
    policy = f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    return _template("page.html.j2").render(
        guide=chapters(pictures),
        kinds=entries(),
        style=style,
        script=script,
        policy=policy,
        version=__version__,
    )


def _hash(text: str) -> str:
    """What a content security policy says of a script or style that stands in the page."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _template(name: str):
    from jinja2 import Environment, FileSystemLoader

    known = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    known.filters["inline"] = inline
    return known.get_template(name)
