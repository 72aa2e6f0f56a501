"""What all engines share: parameters of the updates, schedules, and the loop over a chain of engines."""

from typing import Any

import numpy as np

from nanompi.errors import NumbersError
from nanompi.events import quiet
from nanompi.ptycho.quality import figures
from nanompi.step import param, section


@section
class When:
    """Iterations in which something is done: `{after: 2, every: 1, until: 80}`, or a number: after it."""

    after: int = param(0, ge=0, help="not in the first iterations")
    until: int | None = param(None, ge=0, help="not after this iteration")
    every: int = param(1, ge=1, help="only each so many iterations")

    @classmethod
    def from_value(cls, value: int) -> "When":
        """`probe: 2` means `probe: {after: 2}`"""
        return cls(after=value)

    def now(self, i: int) -> bool:
        """Is it done in iteration i (counted from 0 within its engine)?"""
        return (
            i >= self.after and (self.until is None or i < self.until) and (i - self.after) % self.every == 0
        )


def run_chain(engines: list[Any], p, every: int, say, note=quiet) -> list[dict]:
    """Run engines one after the other on a problem; returns the history: a dict per iteration.

    every : figures of quality (R, llk, photons) each so many iterations and at the end of each engine
    note  : hears of each iteration (`nanompi.events.Status`)
    Errors: NumbersError naming engine and iteration when the error stops to be finite.
    """
    history, whole = [], p.iteration + sum(e.iterations for e in engines)
    note("iterating", iteration=p.iteration, iterations=whole)
    for engine in engines:
        engine.start(p)
        if beside := p.device.beside(p.waves):
            say(beside)
        for i in range(engine.iterations):
            with p.clock.phase("iterate"):
                row = {"iteration": p.iteration + 1, "engine": engine.name, **engine.iterate(p, i)}
            p.iteration += 1
            _finite(row)
            if (i + 1) % every == 0 or i + 1 == engine.iterations:
                with p.clock.phase("quality"):
                    row.update(figures(p))
                say(line(row))
            history.append(row)
            note("iterating", iterations=whole, **{key: row[key] for key in ("iteration", "engine", "error")})
    return history


def line(row: dict) -> str:
    """One line of the log."""
    return (
        f"{row['engine']:>5} {row['iteration']:4d}   error {row['error']:.4f}   R {row['R']:.4f}   "
        f"llk {row['llk']:.4f}   photons {row['photons']:.4g}"
    )


def _finite(row):
    if not np.isfinite(row["error"]):
        raise NumbersError(
            f"{row['engine']}: the error is {row['error']} at iteration {row['iteration']}: the iteration "
            "diverged. Use a better start (DM before ML), a higher inertia, or look for bad frames."
        )


def clip(O, bounds):
    """Keep the amplitude of the object within bounds; bounds : (low, high) or None. In place."""
    if bounds is not None:
        amplitude = abs(O)
        O *= np.clip(amplitude, *bounds) / (amplitude + 1e-30)
