"""Reuse between settings of a sweep: the input, and what common first steps made of it.

A step does not change what an earlier step has given; so the next run may have it as it is.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from nanompi.run.result import Result


@dataclass
class Reuse:
    """State of a run after its first steps; by itself nothing is kept.

    want  : so many of the first steps the next run has in common with this one; -1: not even the input
    after : (made, data, given, result) after 0, 1, ... steps, for the steps that are in common; a step puts
        new data in place of old ones and changes none, but for the parts of the ranks; None: that step was
        done with the next
    """

    want: int = -1
    device: Any = None
    after: list[tuple[dict, dict, dict, Result] | None] = field(default_factory=list)

    def give(self, run) -> int:
        """Fill a new run with what is kept; the number of steps that it need not do (-1: nothing at all)."""
        if self.after:
            run.made, run.data, run.given, run.result = _copy(*self.after[-1])
        return len(self.after) - 1

    def take(self, run, steps: int):
        """Keep a run after so many steps, where the next run wants it. The large arrays are not copied."""
        if len(self.after) <= steps <= self.want:
            self.device = run.device
            self.after += [None] * (steps - len(self.after))
            self.after.append(_copy(run.made, run.data, run.given, run.result))

    def next(self, want: int):
        """Forget what the next run does not have in common; then the next run is told its own `want`."""
        del self.after[self.want + 1 :]
        while self.after and self.after[-1] is None:
            self.after.pop()
        if not self.after:
            self.device = None
        self.want = want


def _copy(made: dict, data: dict, given: dict, result: Result) -> tuple[dict, dict, dict, Result]:
    own = Result(result.main, dict(result.signals), dict(result.arrays), dict(result.groups))
    own.notes, own.pictures, own.apart = deepcopy(result.notes), dict(result.pictures), dict(result.apart)
    return dict(made), dict(data), dict(given), own


def common(one: dict, other: dict) -> int:
    """How many of the first steps two resolved jobs have in common; -1 when input or `run` differ."""
    if any(one[key] != other[key] for key in ("input", "run")):
        return -1
    same = [a == b for a, b in zip(one["steps"], other["steps"])]
    return [*same, False].index(False)
