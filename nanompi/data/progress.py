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
            due = self._seldom()
        self._show(due)

    def tell(self, items: int) -> None:
        """So many more items of the block at work are done."""
        self.run.clock.tick()
        with self.lock:
            self.within += items
            due = self._seldom()
        self._show(due)

    def _seldom(self) -> bool:
        now = time.monotonic()
        due = now - self.told >= SELDOM
        if due:
            self.told = now
            self._note()
        return due

    def _show(self, due: bool) -> None:
        """Without the lock: what is shown is written to a disk, which other threads do not wait for."""
        if due:
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
