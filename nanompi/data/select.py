"""Part of a scan, the same for every reader: a quick look, or all but some frames.

select: "0:100"                              start:stop, start:stop:step, or middle:100
select: "some:100"                           as middle; evenly over data without places, such as projections
select: {without: [17, 40:52]}               all but these frames, counted in the file from 0
select: {keep: "::2", without: missing}      both; missing = what was never measured, however much it is
"""

import re

import numpy as np

from nanompi.errors import JobError
from nanompi.step import param, section

MIDDLE = re.compile(r"\s*(?:middle|some)\s*:\s*(\d{1,15})\s*$", re.ASCII)
_SLICE = re.compile(r"\s*(-?\d{1,15})?\s*:\s*(-?\d{1,15})?\s*(?::\s*(\d{1,15})?\s*)?$", re.ASCII)
_NUMBER = re.compile(r"\s*-?\d{1,15}\s*$", re.ASCII)
MISSING = "missing"


@section
class Select:
    """Part of the scan. A text alone is `keep`."""

    keep: str = param(
        "", level="basic", help='"0:100", "::2" (start:stop:step) or "middle:100" = nearest to the middle'
    )
    without: int | str | list[int | str] = param(
        [],
        level="basic",
        help='frames left out, counted in the file from 0: 17, "40:52", a list of them; "missing" = all that '
        "were never measured, also where they are many",
    )

    def __post_init__(self):
        self.without = self.without if isinstance(self.without, list) else [self.without]
        if self.keep and not MIDDLE.match(self.keep):
            slice_of(self.keep)
        for one in self.without:
            if one != MISSING and not isinstance(one, int):
                slice_of(one, "without", '17, "40:52" or missing')

    @classmethod
    def from_value(cls, value) -> "Select":
        """The short form, a text. Errors: JobError."""
        if not isinstance(value, str):
            raise JobError(f'select: {value!r} does not fit here; allowed: "0:100", {{without: [17, 40:52]}}')
        return cls(keep=value)

    @property
    def whole(self) -> bool:
        """Is nothing selected?"""
        return not self.keep and not self.without

    def numbers(self, every: int) -> np.ndarray:
        """Those that are left of 0..every-1, rising; for data without places. Errors: JobError."""
        some = MIDDLE.match(self.keep)
        if some and "some" in self.keep:
            numbers = rest(~left_out(self, every), slice(None))
            count = min(int(some[1]), len(numbers))
            numbers = numbers[np.arange(count) * len(numbers) // max(count, 1)]
        elif some:
            raise JobError(
                f'input.select: "{self.keep}" needs positions on the sample; use start:stop, or some:N'
            )
        else:
            numbers = rest(~left_out(self, every), slice_of(self.keep) if self.keep else slice(None))
        if len(numbers) == 0:
            raise JobError(f"input.select: {self} leaves none of {every}")
        return numbers

    def __str__(self):
        left = [str(one) for one in self.without]
        some = ", ".join(left[:8]) + (" ..." if len(left) > 8 else "")
        return " ".join(filter(None, [f'"{self.keep}"' * bool(self.keep), f"without {some}" if left else ""]))


def slice_of(text: str, key: str = "input.select", allowed: str = "") -> slice:
    """ "start:stop:step" as a slice, the step positive; a number alone where `allowed`. Errors: JobError."""
    if allowed and _NUMBER.match(text):
        n = int(text)
        return slice(n, n + 1 or None)
    found = _SLICE.match(text)
    if not found or (found[3] is not None and int(found[3]) == 0):
        allowed = allowed or 'start:stop, start:stop:step or middle:N; for example "0:100"'
        raise JobError(f'{key}: "{text}" is not {allowed}')
    return slice(*(None if g is None else int(g) for g in found.groups()))


def rest(left: np.ndarray, cut: slice) -> np.ndarray:
    """Those of a slice that are left."""
    numbers = np.arange(len(left))[cut]
    return numbers[left[numbers]]


def left_out(given: Select, every: int) -> np.ndarray:
    """(every,) bool: the frames to leave out. Errors: JobError for those that do not exist."""
    out = np.zeros(every, bool)
    for one in given.without:
        if one == MISSING:
            continue
        cut = slice(one, one + 1 or None) if isinstance(one, int) else slice_of(one, allowed="17 or 40:52")
        numbers = np.arange(every)[cut]
        if not len(numbers):
            raise JobError(f"input.select.without: {one}: there is no such frame; the scan has 0:{every}")
        out[numbers] = True
    return out
