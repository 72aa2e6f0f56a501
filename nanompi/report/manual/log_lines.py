"""What the log of a run says, line by line."""

import re
from dataclasses import dataclass
from functools import cache

from nanompi.report.manual.text import table

TIME = re.compile(r"^\[ *[\d.]+ s\] ?")


@dataclass(frozen=True)
class Line:
    """like : a regular expression that the line matches, without its time; shown : an example for people"""

    like: str
    shown: str
    means: str

    def fits(self, text: str) -> bool:
        """Is a line of a log of this kind?"""
        return re.match(self.like, text) is not None


@cache
def lines() -> list[Line]:
    """All that the manual knows, in the order of a run."""
    return [Line(**one) for one in table("log")["line"]]


def explained(line: str) -> Line | None:
    """What a line of a log means; None for one that the manual does not know."""
    text = TIME.sub("", line).strip()
    return next((one for one in lines() if one.fits(text)), None)
