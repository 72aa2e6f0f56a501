"""Figures of finished runs: what a step says of them, so that a sweep can rank its settings."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A number that a finished run has; a step with `summary(run, folder)` declares those that it gives.

        gives_figures = {"R": Figure(score="R"), "llk": Figure(score="llk", best=1.0, instead="R")}

    score    : the word in `sweep: {score: ...}` that ranks by it; "" = none does
    best     : the nearer to it, the better
    instead  : the figure that ranks in place of this one where a run does not have it
    usual    : it ranks where the job names no score
    items, values : datasets of the result, (n,) each: what was judged one by one, and a value of each; their
        mean is the figure. Settings are then compared by pairs. "" = there are none
    held_out : steps leave a part of the data out (`heldout`), to be judged by it
    """

    score: str = ""
    best: float = 0.0
    instead: str = ""
    usual: bool = False
    held_out: bool = False
    items: str = ""
    values: str = ""


def figures_of(steps: Iterable[Any]) -> dict[str, Figure]:
    """All figures that the steps of a job declare, by name."""
    return {name: figure for step in steps for name, figure in getattr(step, "gives_figures", {}).items()}


def summary(run, steps: Iterable[Any]) -> dict[str, float]:
    """The figures of a run whose result is written (rank 0)."""
    out: dict[str, float] = {}
    for step in steps:
        if hasattr(step, "summary"):
            out |= step.summary(run, run.folder)
    return out
