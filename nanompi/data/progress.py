"""How far a pass over the blocks of steps is: for the log and the state of the run, while it works."""

import time
from threading import Lock

from nanompi.data.data import count

SELDOM = 1.0  # seconds between two words of it


class Progress:
    """Told by rank 0 of its own rows, scaled to those of all ranks: nothing is sent.

    walks : of the pass (`nanompi.data.blocks.Walk`); own, rows : that this rank, and that all are to do
    """

    def __init__(self, run, walks: list, own: int, rows: int):
        last, self.walks = walks[-1], walks
        self.run, self.own, self.rows, self.lock = run, own, rows, Lock()
        self.names, self.things = ", ".join(one.step.name for one in walks), plural(last.free[:1])
        self.items = count(last.data.size(axis) for axis in last.free[1:])  # of a row
        self.done, self.within, self.told = 0, 0, time.monotonic()
        last.tell = self.tell
        self._note()

    def add(self, rows: int) -> None:
        """So many more rows of this rank are done."""
        with self.lock:
            self.done, self.within = self.done + rows, 0
            self._seldom()

    def tell(self, items: int) -> None:
        """So many more items of the block at work are done."""
        self.run.clock.tick()
        with self.lock:
            self.within += items
            self._seldom()

    def _seldom(self) -> None:
        now = time.monotonic()
        if now - self.told >= SELDOM:
            self.told = now
            self._note()
            self.run.glimpse(self.walks)

    def _note(self) -> None:
        part = (self.done + self.within / self.items) / max(1, self.own)
        done = int(self.rows * min(1.0, part) + 1e-9)
        self.run.note("working", step=self.names, items_done=done, items=self.rows, items_are=self.things)


def plural(free: tuple[str, ...]) -> str:
    """How several entries along the first of some axes are called: "rows", "angles", "y"."""
    axis = free[0] if free else "item"
    if len(axis) == 1:
        return axis
    return f"{axis[:-1]}ies" if axis.endswith("y") else f"{axis}s"
