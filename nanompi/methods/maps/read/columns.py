"""Tables of numbers in text files: columns between spaces, tabs, commas or semicolons, comments above."""

import re
from pathlib import Path

import numpy as np

from nanompi.errors import DataError
from nanompi.io.hdf5 import must_exist

COMMENT = ("#", "%", ";", "!", "'", '"')
BETWEEN = re.compile(r"[\s,;]+")


def table_of(file: str) -> tuple[list[str], np.ndarray]:
    """(lines above the numbers, (rows, columns) float64) of a text; lines behind a comment sign are left out.

    Errors: DataError naming file and line where a row has another number of columns, or no number.
    """
    must_exist(file)
    head, rows = [], []
    for number, line in enumerate(Path(file).read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = [word for word in BETWEEN.split(line.strip()) if word]
        values = _numbers(words)
        if values is None and line.lstrip()[:1] not in COMMENT and rows:
            raise DataError(f'{file}: line {number} ("{line.strip()[:40]}") is no row of numbers')
        if values is None:
            head += [line.strip()] if words and not rows else []
            continue
        if rows and len(values) != len(rows[0]):
            raise DataError(f"{file}: line {number} has {len(values)} numbers, the first {len(rows[0])}")
        rows.append(values)
    if not rows:
        raise DataError(f"{file} holds no row of numbers")
    return head, np.array(rows)


def _numbers(words: list[str]) -> list[float] | None:
    """None where one of them is no number, or there is none"""
    try:
        return [float(word) for word in words] or None
    except ValueError:
        return None


def labels(head: list[str], columns: int) -> list[str]:
    """Names of columns in small letters: those of XDI (`# Column.2: i0`), else the words of the last line of
    the head that has as many; [] where there is none."""
    known = dict(found.groups() for line in head if (found := re.match(r"#\s*Column\.(\d+):\s*(\w+)", line)))
    if known:
        return [known.get(str(k), "").lower() for k in range(1, columns + 1)]
    words = ([w.strip("\"'") for w in BETWEEN.split(line.strip("#%;!' ")) if w] for line in reversed(head))
    return next(([w.lower() for w in own] for own in words if len(own) == columns), [])
