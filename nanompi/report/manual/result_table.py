"""What stands in result.h5: (path, what it is). `*` is any name, `**` is all that is below."""

import re
from functools import cache

from nanompi.report.manual.text import table


@cache
def paths() -> dict[str, str]:
    """{path: what it is}"""
    return table("result")["paths"]


def row_of(path: str) -> str:
    """The first row of the table that describes a group or dataset, "" where none does."""
    return next((row for row in paths() if _pattern(row).fullmatch(path.strip("/"))), "")


@cache
def _pattern(row: str) -> re.Pattern:
    text = re.escape(row).replace(r"/\*\*", "(/.*)?").replace(r"\*", "[^/]+")
    return re.compile(text)
