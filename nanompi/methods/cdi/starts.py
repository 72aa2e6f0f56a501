"""All starts: each is done by one rank; between them a run may keep what it has, stop, and go on."""

import sys
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from nanompi.methods.cdi.phase import LOOK, TRACE, Phasing
from nanompi.methods.cdi.solutions import centred, score
from nanompi.run.checkpoint import State
from nanompi.run.control import BLOCK
from nanompi.run.result import Signal
from nanompi.run.store import plain

ROOM = 0.3  # of a card's free memory that starts side by side may take
MOST = 64  # of them


class Starts:
    """Start n belongs to rank n modulo the number of ranks, and has random numbers of its own.

    images, supports : {number: of this rank's starts}, FFT order, on the host; figures : the same
    traces : {number: (lines, columns) float64}, a line each LOOK iterations, its columns TRACE; NaN below the
        last line
    """

    def __init__(self, run, phasing: Phasing, starts: int):
        self.run, self.phasing, self.starts = run, phasing, starts
        self.images: dict[int, np.ndarray] = {}
        self.supports: dict[int, np.ndarray] = {}
        self.figures: dict[int, dict] = {}
        self.traces: dict[int, np.ndarray] = {}

    @property
    def together(self) -> int:
        """How many are done side by side: one for each thread of a CPU, as many as fit on a card."""
        device, shape = self.run.device, self.phasing.pattern.shape
        if len(shape) == 3:
            return 1
        if device.xp is np:
            return device.threads
        own = 5 * self.phasing.transform.size * np.dtype(device.complex).itemsize
        return max(1, min(MOST, int(ROOM * device.room() / own)))

    @property
    def lines(self) -> tuple[int, int]:
        """Shape of the history of a start"""
        return max(1, self.phasing.planned // LOOK), len(TRACE)

    def all(self) -> dict[int, dict]:
        """Do them; {number: figures} of all ranks, on all ranks (collective). Errors: Stopped."""
        run, control = self.run, self.run.control
        if saved := (control.first() if control else None):
            self.restore(saved)
            control.back(saved.facts["number"])
        todo = [n for n in range(run.team.rank, self.starts, run.team.size) if n not in self.figures]
        more, block = True, self.together
        while more:
            self.do(todo[:block])
            todo = todo[block:]
            run.clock.tick()
            self.tell()
            if control is None:
                more = bool(run.team.max(bool(todo)))
            else:
                with run.clock.phase("checkpoint"):
                    more = control.block(self.state, bool(todo))
        return {n: one for n, one in sorted(self.every().items())}

    def every(self) -> dict[int, dict]:
        """The figures of all ranks (collective)."""
        return {n: one for own in self.run.team.allgather(self.figures) for n, one in own.items()}

    def do(self, numbers: list[int]) -> None:
        """Some starts, side by side."""
        if not numbers:
            return
        phasing, device, tick = self.phasing, self.run.device, self.run.clock.tick
        self.shown = numbers[0]  # of this block, to who looks on
        for n in numbers:
            self.traces[n] = np.full(self.lines, np.nan)

        def work(f):
            some = numbers[f]
            psi, S = phasing.solve(np.stack([phasing.begin(n) for n in some]), tick, partial(self.look, some))
            figures = [phasing.figures(p, s) for p, s in zip(psi, S)]
            return list(zip(some, device.host(psi), device.host(S), figures))

        with self.run.clock.phase("iterate"):
            done = device.each(work, len(numbers), sys.maxsize)  # on a CPU one start a thread
        for n, psi, S, figures in chain.from_iterable(done):
            self.images[n], self.supports[n], self.figures[n] = psi, S, figures

    def look(self, some: list[int], done: int, name: str, psi, S) -> None:
        """A line of the history of each of some starts; of the first of rank 0 for who looks on, too."""
        for n, one, own in zip(some, psi, S):
            self.traces[n][done // LOOK - 1] = self.phasing.trace(done, one, own)
        if self.run.team.root and some[0] == self.shown:
            now = line(self.traces[self.shown][done // LOOK - 1], name)
            self.run.note("working", **self.progress(), history=now)

    def tell(self) -> None:
        """How far the starts of this rank are, for who looks on."""
        self.run.note("working", **self.progress())

    def progress(self) -> dict[str, Any]:
        """The starts of this rank, scaled to those of all: nothing is sent."""
        own = len(range(self.run.team.rank, self.starts, self.run.team.size))
        done = self.starts * len(self.figures) // max(1, own)
        best = min((score(one) for one in self.figures.values()), default=float("nan"))
        counted = {"items_done": done, "items": self.starts, "items_are": "starts"}
        return {"step": "cdi", **counted, "best": float(best)}

    # ---- what is kept

    def state(self) -> State:
        """The starts that are done."""
        numbers = np.array(sorted(self.figures), np.int64)
        shape = self.phasing.pattern.shape
        rows = {"psi": _rows(self.images, numbers, shape, self.run.device.complex),
                "S": _rows(self.supports, numbers, shape, bool),
                "trace": _rows(self.traces, numbers, self.lines, np.float64)}  # fmt: skip
        figures = {str(n): one for n, one in self.every().items()}
        return State({"what": BLOCK, "figures": plain(figures)}, {}, rows, numbers)

    def restore(self, saved) -> None:
        """The opposite of `state`, on any number of ranks."""
        done = np.sort(np.concatenate(saved.parts()))
        own = done[(done % self.run.team.size == self.run.team.rank) & (done < self.starts)]
        for name, held in (("psi", self.images), ("S", self.supports), ("trace", self.traces)):
            if len(own):
                for where, rows in saved.rows(name, own):
                    held |= {int(own[k]): np.array(row) for k, row in zip(where, rows)}
        self.figures = {int(n): saved.facts["figures"][str(n)] for n in own}

    # ---- what is shown and gathered

    def fetch(self, numbers: list[int]) -> tuple[list[np.ndarray], np.ndarray | None]:
        """(images, support of the first) of some starts, on rank 0; ([], None) elsewhere (collective)."""
        shape = self.phasing.pattern.shape
        images = [self._fetched(n, self.images, shape, self.run.device.complex) for n in numbers]
        support = self._fetched(numbers[0], self.supports, shape, bool)
        return (images, support) if self.run.team.root else ([], None)

    def history(self, number: int, figures: dict) -> list[dict[str, Any]]:
        """The lines of the history of a start, also for who looks on, on rank 0; [] elsewhere (collective).

        figures : of it, which are the last line
        """
        planned, run = self.phasing.planned, self.run
        trace = self._fetched(number, self.traces, self.lines, np.float64)
        if not run.team.root:
            return []
        rows = [row for row in trace if np.isfinite(row[0]) and row[0] < planned]
        rows.append(np.array([planned, *(figures.get(name, np.nan) for name in TRACE[1:])], float))
        out = [line(row, self.phasing.link_at(row[0])) for row in rows]
        for one in out:
            run.note("working", **self.progress(), history=one)
        return out

    def _fetched(self, number: int, held: dict[int, np.ndarray], shape, dtype):
        """One array of the rank that has it, on rank 0 (collective)"""
        team = self.run.team
        owner = number % team.size
        out = np.empty(shape, dtype) if team.root and owner else held.get(number)
        give = {0: np.ascontiguousarray(out)} if owner and team.rank == owner else {}
        team.exchange(give, {owner: out} if team.root and owner else {})
        return out

    def view(self, pixel, positive: bool) -> Callable[[], dict[str, Signal]] | None:
        """The best image of rank 0 as it is now: a function that makes signals of it; None elsewhere."""
        from nanompi.methods.cdi.result import box_of, image_signals, natural

        if not self.run.team.root or not self.figures:
            return None
        best = min(self.figures, key=lambda n: (score(self.figures[n]), n))
        move = centred(self.images[best])
        axes = tuple(range(len(move)))
        image = natural(np.roll(self.images[best], move, axes)).astype(np.complex64)
        box = box_of(natural(np.roll(self.supports[best], move, axes)) != 0)
        return lambda: image_signals(image[box], pixel, positive)


def line(row: np.ndarray, name: str) -> dict[str, Any]:
    """A line of the history as a run keeps it. row : its columns are TRACE; name : of the projection"""
    own = dict(zip(TRACE, map(float, row)))
    known = {"held" if key == "free" else key: v for key, v in own.items() if np.isfinite(v)}
    return known | {"iteration": int(own["iteration"]), "engine": name}


def _rows(held: dict[int, np.ndarray], numbers, shape: tuple[int, ...], dtype):
    """Arrays of this shape of some starts, as a checkpoint has them"""

    def pieces(cuts):
        for f in cuts:
            rows = [held[int(n)] for n in numbers[f]]
            yield np.stack(rows) if rows else np.zeros((0, *shape), dtype)

    return (len(numbers), *shape), np.dtype(dtype), pieces
