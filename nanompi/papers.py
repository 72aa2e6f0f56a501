"""The papers behind what a run has done: one table, `CITATION.cff`, and which of them its parts name.

A part names its papers by their DOIs: in its docstring, or where that has none in that of its module; one
whose papers depend on its parameters has `sources(self)`, a list of modules, classes, functions and DOIs.
"""

import inspect
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nanompi.step import METHODS

TABLE = Path(__file__).parent / "CITATION.cff"
DEEPEST = 6  # sections in sections of parameters


@dataclass(frozen=True)
class Paper:
    """One paper. authors : "Thibault, P."; title, journal, year : "" and 0 where not looked up"""

    doi: str
    authors: tuple[str, ...] = ()
    title: str = ""
    journal: str = ""
    year: int = 0
    volume: str = ""
    start: str = ""
    kind: str = "article"

    @property
    def short(self) -> str:
        """ "Thibault et al. 2009"; the DOI where nothing else is known"""
        families = [author.split(",")[0] for author in self.authors]
        if not families:
            return f"doi:{self.doi}"
        names = " & ".join(families) if len(families) < 3 and "others" not in families else ""
        return f"{names or f'{families[0]} et al.'} {self.year or ''}".strip()

    def __str__(self) -> str:
        """The whole reference in one line"""
        place = " ".join(filter(None, (self.journal, self.volume)))
        place += f", {self.start}" * bool(self.start) + f" ({self.year})" * bool(self.year)
        link = f"https://doi.org/{self.doi}" if self.doi else ""
        parts = (", ".join(self.authors), self.title, place, link)
        return ". ".join(filter(None, (part.rstrip(".") for part in parts)))

    def bibtex(self) -> str:
        """The entry of a BibTeX file"""
        name = {"book": "publisher", "conference-paper": "booktitle"}.get(self.kind, "journal")
        kinds = {"book": "book", "conference-paper": "inproceedings", "software": "misc"}
        first = self.short.split()[0] if self.doi else "nanompi"
        key = "".join(c for c in f"{first}{self.year or ''}{self.start}" if c.isalnum())
        known = {"author": " and ".join(self.authors), "title": f"{{{self.title}}}" if self.title else "",
                 name: self.journal, "year": str(self.year or ""), "volume": self.volume, "pages": self.start,
                 "doi": self.doi}  # fmt: skip
        lines = [f"  {word} = {{{text}}}" for word, text in known.items() if text]
        return f"@{kinds.get(self.kind, 'article')}{{{key},\n" + ",\n".join(lines) + "\n}"


@cache
def table() -> dict[str, Paper]:
    """All papers that the program names, by their DOI in lower case."""
    references = _read()["references"]
    return {one["doi"].lower(): _paper(one) for one in references}


def program() -> Paper:
    """The program itself."""
    import nanompi

    about = _read()
    authors = tuple(author["name"] for author in about["authors"])
    return Paper("", authors, f"{about['title']} (version {nanompi.__version__})", kind="software")


def of(parts) -> list[Paper]:
    """The papers behind parts of a job (instances or classes of readers, steps, engines, kernels), each once.

    In the order in which the parts stand; parts in the parameters of others belong to them.
    """
    found = (doi for part in parts for doi in _of_part(part, 0))
    return [table()[doi] for doi in dict.fromkeys(found)]


def noted(papers: list[Paper]) -> list[dict[str, Any]]:
    """Papers as plain values, as a result keeps them."""
    return [asdict(paper) | {"authors": list(paper.authors), "text": str(paper)} for paper in papers]


def from_note(note: list[dict[str, Any]]) -> list[Paper]:
    """The papers of a result, as `noted` wrote them."""
    known = {field.name for field in fields(Paper)}
    made = ({key: value for key, value in one.items() if key in known} for one in note)
    return [Paper(**one | {"authors": tuple(one.get("authors", ()))}) for one in made]


def named(text: str) -> list[str]:
    """The DOIs of the table that stand in a text, in its order."""
    low = (text or "").lower()
    found = {doi: low.find(doi) for doi in table()}
    return sorted((doi for doi, at in found.items() if at >= 0), key=found.get)


def _of_part(part, depth: int) -> Iterator[str]:
    """DOIs of a part, or of a section of parameters, and of the parts below."""
    cls = part if inspect.isclass(part) else type(part)
    if part is not cls and hasattr(part, "sources"):
        for source in part.sources():
            yield from [source.lower()] if isinstance(source, str) else _of_source(source)
    elif hasattr(cls, "kind"):
        yield from _of_source(cls)
    if part is cls or not is_dataclass(part) or depth > DEEPEST:
        return
    for field in fields(part):
        value = getattr(part, field.name, None)
        kind = field.metadata.get("kind", "")
        if kind in METHODS and isinstance(value, str) and value in METHODS[kind]:
            yield from _of_source(METHODS[kind][value])
        for one in value if isinstance(value, list | tuple) else [value]:
            if is_dataclass(one):
                yield from _of_part(one, depth + 1)


def _of_source(source) -> list[str]:
    """DOIs in the docstring of a module, class or function; where it has none, in that of its module."""
    own = named(source.__doc__)
    return own or named(getattr(sys.modules.get(getattr(source, "__module__", "")), "__doc__", ""))


def _read() -> dict:
    import yaml

    return yaml.load(TABLE.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _paper(one: dict) -> Paper:
    authors = tuple(
        f"{author['family-names']}, {author['given-names']}" if "family-names" in author else author["name"]
        for author in one.get("authors", ())
    )
    place = one.get("journal") or one.get("collection-title") or one.get("publisher", {}).get("name", "")
    numbers = str(one.get("volume", "")), str(one.get("start", ""))
    return Paper(one["doi"], authors, one.get("title", ""), place, one.get("year", 0), *numbers, one["type"])
