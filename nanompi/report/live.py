"""What a run shows while it goes on: live.h5, ranks.json, and the report that is made of them.

Rank 0 decides by its own clock. What costs time, it does seldom: the next look at the image comes after
LEAST seconds, and not before a hundred times what the last one has cost, the thread that writes included. So
all of it stays at a hundredth of the run. RUN/show asks at once. No failure ends a run; the first is told.
`run: {live: off}` leaves ranks.json alone.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any

from nanompi.io.atomic import write_text
from nanompi.io.fingerprint import unnoted
from nanompi.report.live_maps import LiveMaps
from nanompi.run.metrics import busy
from nanompi.run.result import Result
from nanompi.run.writers.nexus import write

RANKS, SHOW = 1, 2  # what can be looked at; their sum for both
LEAST, SHARE = 10.0, 0.01  # seconds between two looks; part of a run that they may cost
NAME = "live.h5"


class LiveView:
    """A writer for `nanompi.run.perform.perform`, told of the run before (collective).

    cost : seconds of rank 0 in which it gathered ("main"), and of processor time of its thread ("thread");
        times : how often
    """

    def begin(self, run) -> None:
        """From now on the run shows what it has."""
        self.run, self.lock, self.over = run, Lock(), False
        self.trouble, self.warned = "", False
        self.later = getattr(run.note, "later", lambda work: work())
        self.times, self.cost, self.idle = 0, {"main": 0.0, "thread": 0.0}, (0.0, 0.0)
        self.at_work, self.next = False, {RANKS: time.monotonic(), SHOW: time.monotonic() + LEAST}
        self.maps = LiveMaps(run, self)
        self.images = run.options.live != "off"
        if self.images:
            run.glimpse = self.maps.show
        if run.control:
            run.control.live = self

    def wanted(self, asked: bool) -> int:
        """What rank 0 wishes to see now: RANKS, SHOW, their sum, or 0. asked : the file RUN/show is there"""
        now = time.monotonic()
        show = self.images and (asked or (now >= self.next[SHOW] and not self.at_work))
        if self.trouble:
            self._tell()
        return RANKS * (now >= self.next[RANKS]) + SHOW * show

    def look(self, what: int, view: Callable | None) -> None:
        """Gather what is wished to be seen (collective); a thread writes it.

        view : of the step at work, as `nanompi.run.control.Control` has it; None where it has maps or nothing
        """
        with self.run.clock.phase("live"):
            if what & RANKS:
                self._ranks()
            if what & SHOW:
                self._show(view)

    def _ranks(self) -> None:
        every = self.run.team.gather(self.standing())
        self.next[RANKS] = time.monotonic() + LEAST
        if self.run.team.root:
            self.tell(lambda: every)

    def standing(self) -> dict[str, Any]:
        """What this rank has, and how busy it was since the last time."""
        own, *self.idle = busy(self.run, *self.idle)
        return own

    def tell(self, ranks: Callable) -> None:
        """Have the thread write ranks.json (rank 0). ranks : gives what each of them has"""
        path = self.run.folder / "ranks.json"
        self.later(partial(self._guarded, lambda: write_text(path, json.dumps(ranks(), indent=1) + "\n")))

    def _show(self, view: Callable | None) -> None:
        begun, root = time.perf_counter(), self.run.team.root
        signals = view() if view else None
        if view is None:
            self.maps.hurry()
        if root:
            with suppress(OSError):
                (self.run.folder / "show").unlink(missing_ok=True)
        self.next[SHOW] = time.monotonic() + LEAST
        if root and signals:
            self.draw(signals, time.perf_counter() - begun)

    def draw(self, signals: Callable, spent: float) -> None:
        """Have the thread write live.h5 and the report (rank 0).

        signals : makes them; spent : seconds in which they were gathered
        """
        self.at_work = True
        self.later(partial(self._drawn, signals, spent))

    def _drawn(self, signals: Callable, spent: float) -> None:
        begun = time.thread_time()
        with self.lock, unnoted():
            if not self.over:
                self._guarded(partial(self._write, signals))
        took = time.thread_time() - begun
        self.times += 1
        self.cost["main"] += spent
        self.cost["thread"] += took
        self.next[SHOW] = time.monotonic() + max(LEAST, (spent + took) / SHARE)
        self.at_work = False

    def _write(self, signals: Callable) -> None:
        from nanompi.report import report

        made = signals()
        if not made:
            return
        write(Result(next(iter(made)), made), self.run.folder / NAME, packed=False)
        report.write(self.run.folder, signals=made)

    def _guarded(self, work: Callable) -> None:
        try:
            work()
        except Exception as error:  # a picture is worth no run
            self.trouble = f"no live view of the run ({type(error).__name__}: {error}); the run goes on"

    def _tell(self) -> None:
        """The first failure, by the thread that speaks"""
        trouble, self.trouble = self.trouble, ""
        if not self.warned:
            self.warned = True
            self.run.warn(trouble)

    def __call__(self, run) -> None:
        """The run is done: its result takes the place of all this, and metrics.json tells the cost."""
        with self.lock:
            self.over = True
        self.maps.end()
        if not run.team.root:
            return
        with suppress(OSError):
            (run.folder / NAME).unlink(missing_ok=True)
        if self.trouble:
            self._tell()
        share = sum(self.cost.values()) / run.clock.elapsed()
        run.result.notes["run"]["live"] = {"times": self.times, "seconds": self.cost, "share": share}
