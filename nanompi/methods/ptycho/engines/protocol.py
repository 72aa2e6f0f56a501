"""What an engine must offer to be one, and what it may: as `engine.run_chain` and checkpoints call it."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Engine(Protocol):
    """One algorithm in a chain of engines; p is `nanompi.methods.ptycho.problem.Problem`.

    name, kind : given by `@nanompi.step.engine`; iterations : a parameter
    It may have more, by which the program knows it without its name:
    keeps   : names of arrays of the problem over this rank's frames, which checkpoints hold ("waves")
    heed(p, row, say) : hears of the figures in `row` of the history, after each iteration that has some
    """

    name: str
    kind: str
    iterations: int

    def start(self, p: Any) -> None:
        """What stands before the first iteration (collective)."""

    def iterate(self, p: Any, i: int) -> dict[str, float] | None:
        """Iteration i, counted from 0 within this engine (collective): p.O and p.P are the next ones.

        Returns figures for the history; `error`, by which a run that diverges is noticed, must be the same on
        all ranks. Where an engine of others has none, that is the R-factor.
        """


@runtime_checkable
class Restorable(Protocol):
    """An engine that remembers more than arrays over frames from one iteration to the next."""

    def state(self, p: Any) -> dict[str, Any]:
        """What it remembers: arrays and plain values by name."""

    def restore(self, p: Any, state: dict[str, Any]) -> None:
        """The opposite, in place of `start`; arrays come from the host."""
