"""What a run warns of and judges, and what to do then."""

import re
from dataclasses import dataclass
from functools import cache

from nanompi.report.manual.text import table


@dataclass(frozen=True)
class Warned:
    """of : part of the program; says : its words, … for figures and names; do : advice"""

    of: str
    says: str
    do: str

    def fits(self, text: str) -> bool:
        """Are these its words?"""
        return re.search(re.escape(self.says).replace("…", ".*?"), text, re.S) is not None


@cache
def rows() -> list[Warned]:
    """All that the manual knows, part by part."""
    return [Warned(**one) for one in table("warnings")["warning"]]


def advice(text: str) -> Warned | None:
    """What to do about a warning or the reason of a verdict; None for one that the manual does not know."""
    return next((one for one in rows() if one.fits(text)), None)
