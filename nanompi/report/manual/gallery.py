"""Wrong results: what is wrong with a scan, what its image looks like, what to do. Pictures are made of runs.

Each kind is a simulated scan and the job that reads it wrongly; `nanompi manual --pictures FOLDER` runs them
(`nanompi.workflow.gallery`) and writes NAME.png and, what the run said, NAME.json.
"""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from nanompi.report.manual.text import table


@dataclass(frozen=True)
class Kind:
    """made : sets of the simulation; read : sets of the job that reads the scan; hot : pixels that are hot"""

    name: str
    title: str
    looks: str
    do: str
    made: dict[str, object] = field(default_factory=dict)
    read: dict[str, object] = field(default_factory=dict)
    hot: int = 0


@cache
def kinds() -> list[Kind]:
    """All, the good one first."""
    return [Kind(**one) for one in table("gallery")["kind"]]


def said(folder: Path | None, kind: Kind) -> str:
    """What the run of a kind said; "" where it was not made."""
    file = (folder or Path()) / f"{kind.name}.json"
    if folder is None or not file.is_file():
        return ""
    about = json.loads(file.read_text(encoding="utf-8"))
    words = f"{about['grade']}: {about['words']}" if about["words"] else about["grade"]
    return words + (f" (paste `{about['paste']}`)" if about["paste"] else "")
