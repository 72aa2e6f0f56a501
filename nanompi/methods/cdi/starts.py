"""All starts: each is done by one rank; between them a run may keep what it has, stop, and go on."""

import sys
from collections.abc import Callable
from itertools import chain

import numpy as np

from nanompi.methods.cdi.phase import Phasing
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
    """

    def __init__(self, run, phasing: Phasing, starts: int):
        self.run, self.phasing, self.starts = run, phasing, starts
        self.images: dict[int, np.ndarray] = {}
        self.supports: dict[int, np.ndarray] = {}
        self.figures: dict[int, dict] = {}

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

        def work(f):
            some = numbers[f]
            psi, S = phasing.solve(np.stack([phasing.begin(n) for n in some]), tick)
            figures = [phasing.figures(p, s) for p, s in zip(psi, S)]
            return list(zip(some, device.host(psi), device.host(S), figures))

        with self.run.clock.phase("iterate"):
            done = device.each(work, len(numbers), sys.maxsize)  # on a CPU one start a thread
        for n, psi, S, figures in chain.from_iterable(done):
            self.images[n], self.supports[n], self.figures[n] = psi, S, figures

    def tell(self) -> None:
        """How far the starts of this rank are, scaled to those of all: nothing is sent."""
        own = len(range(self.run.team.rank, self.starts, self.run.team.size))
        done = self.starts * len(self.figures) // max(1, own)
        best = min((score(one) for one in self.figures.values()), default=float("nan"))
        self.run.note("working", step="cdi", items_done=done, items=self.starts, items_are="starts",
                      best=float(best))  # fmt: skip

    # ---- what is kept

    def state(self) -> State:
        """The starts that are done."""
        numbers = np.array(sorted(self.figures), np.int64)
        rows = {"psi": self._rows(self.images, numbers, self.run.device.complex),
                "S": self._rows(self.supports, numbers, bool)}  # fmt: skip
        figures = {str(n): one for n, one in self.every().items()}
        return State({"what": BLOCK, "figures": plain(figures)}, {}, rows, numbers)

    def _rows(self, held: dict[int, np.ndarray], numbers, dtype):
        shape = (len(numbers), *self.phasing.pattern.shape)

        def pieces(cuts):
            for f in cuts:
                rows = [held[int(n)] for n in numbers[f]]
                yield np.stack(rows) if rows else np.zeros((0, *shape[1:]), dtype)

        return shape, np.dtype(dtype), pieces

    def restore(self, saved) -> None:
        """The opposite of `state`, on any number of ranks."""
        done = np.sort(np.concatenate(saved.parts()))
        own = done[(done % self.run.team.size == self.run.team.rank) & (done < self.starts)]
        for name, held in (("psi", self.images), ("S", self.supports)):
            if len(own):
                for where, rows in saved.rows(name, own):
                    held |= {int(own[k]): np.array(row) for k, row in zip(where, rows)}
        self.figures = {int(n): saved.facts["figures"][str(n)] for n in own}

    # ---- what is shown and gathered

    def fetch(self, numbers: list[int]) -> tuple[list[np.ndarray], np.ndarray | None]:
        """(images, support of the first) of some starts, on rank 0; ([], None) elsewhere (collective)."""
        team = self.run.team
        images = [self._fetched(n, self.images, self.run.device.complex) for n in numbers]
        support = self._fetched(numbers[0], self.supports, bool)
        return (images, support) if team.root else ([], None)

    def _fetched(self, number: int, held: dict[int, np.ndarray], dtype):
        """One array of the rank that has it, on rank 0 (collective)"""
        team = self.run.team
        owner = number % team.size
        out = np.empty(self.phasing.pattern.shape, dtype) if team.root and owner else held.get(number)
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
