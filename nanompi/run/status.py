"""The state of a run for `status` and `watch`: status.json (now), events.jsonl (what happened) and
history.jsonl (the figures of each iteration, `nanompi.run.history`).

    note = Status(team, folder, name)
    note("reading", device="cpu");  note("iterating", iteration=3, iterations=100, error=0.02)
    note("working", step="tomo", items_done=3, items=8, items_are="rows")

Rank 0 writes status.json under another name and renames it, so a reader never sees half of it. A thread
writes: at most each 2 s when something changed, and each 10 s as a sign of life. A full disk, or a folder
that is gone, does not disturb the run. On an error the rank that has it adds a line to events.jsonl before
the ranks are ended: rank 0 may have no time left to do so.
"""

import contextlib
import datetime
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nanompi.errors import NanompiError, exit_code, explained, is_common
from nanompi.io.atomic import own, write_text
from nanompi.run.history import History

STATES = ("waiting", "starting", "reading", "working", "iterating", "writing", "done", "failed", "stopped")
OVER = ("done", "failed", "stopped")
PERIOD, BEAT = 2.0, 10.0  # seconds between two looks of the thread; and between two signs of life
WINDOW = 30.0  # seconds over which the rate of iterations is counted
WORK = ("step", "items_done", "items", "items_are", "rate", "eta")  # known while blocks are worked on
COUNTED = (("iteration", "iterations"), ("items_done", "items"))


def quiet(state: str, **facts):
    """In place of a Status where nobody looks."""


class Unheard:
    """In place of a Log where nobody looks."""

    def progress(self, *facts):
        """Nothing"""

    def engine(self, *facts):
        """Nothing"""


class Status:
    """The state of one run; `with Status(team, folder, name) as note:` ends it as done, failed or stopped.

    folder : of the run; None: it has none, and nothing is written
    log : hears on rank 0 of each iteration, log.progress(done, total, text), of blocks of items,
        log.progress(done, total, text, step, what the items are), and of each engine, log.engine(name, its
        first iteration) (`nanompi.run.log.Log`)
    """

    def __init__(self, team, folder: Path, name: str, log=None):
        self.team, self.folder, self.log = team, folder and Path(folder), log or Unheard()
        self.facts: dict[str, Any] = {"nanompi": 1, "name": name, "state": "starting", "ranks": team.size}
        self.facts |= {"host": team.host, "pid": os.getpid(), "slurm_job": slurm_job(), "begun": now()}
        self.history, self._errands = History(self.folder), deque()
        self._past, self._first = deque(), True  # (time, how many are done); is the first one to come?
        self._changed, self._written, self._over, self.engine = False, 0.0, threading.Event(), ""
        self._thread = threading.Thread(target=self._beat, name="status", daemon=True)

    def __call__(self, state: str, **facts):
        """Tell a new state or new facts (every rank may; rank 0 writes). A state is one of STATES."""
        if not self.team.root:
            return
        if state != self.facts["state"]:
            event(self.folder, "state", state=state)
        if state == "iterating":
            self._iterated(facts)
        if row := facts.pop("history", None):  # a line of iterations that are not those of the run
            self.history.note(row)
        count = next(((facts[a], facts[b]) for a, b in COUNTED if a in facts), None)
        self._forget(state, facts.get("step"))
        if count:
            facts |= self._rate(*count)
        self.facts = {**self.facts, **facts, "state": state, "changed": now()}
        self._changed = True
        if "iteration" in facts:
            self.log.progress(*count, _words(self.facts))
        elif count and count[0]:
            self.log.progress(*count, _left(self.facts), facts["step"], facts["items_are"])

    def later(self, work: Callable[[], None]):
        """Have something done by the thread of the status (rank 0), which must not fail."""
        self._errands.append(work)

    def _iterated(self, facts: dict[str, Any]):
        """One more iteration, or more figures of the last: into the history, and into the events where
        another engine has begun"""
        if "iteration" in facts and "engine" not in facts:
            self.engine = ""  # a chain begins
            return
        self.history.note(facts)
        if facts.get("engine", self.engine) != self.engine:
            self.engine, first = facts["engine"], facts["iteration"]
            event(self.folder, "engine", engine=self.engine, iteration=first)
            self.log.engine(self.engine, first)

    def _forget(self, state: str, step: str | None):
        """What was known of a step that works on blocks, when another one begins or the state is another"""
        if self.facts["state"] == "working" and (state, step) != ("working", self.facts["step"]):
            self.facts = {name: fact for name, fact in self.facts.items() if name not in WORK}
            self._past, self._first = deque(), True

    def __enter__(self):
        if self.team.root:
            event(self.folder, "begin", ranks=self.team.size, host=self.team.host, slurm_job=slurm_job())
            self._write()
            if self.folder:
                self._thread.start()
        return self

    def __exit__(self, kind, error, trace):
        end = _end(error)
        if error is not None and (self.team.root or not is_common(error)):
            event(self.folder, "end", **end, rank=self.team.rank, host=self.team.host)
        if self.team.root:
            self._over.set()
            if self.folder:
                self._thread.join()
                self.history.write(end=True)
            self(**end)
            self._write()

    def _rate(self, done: int, total: int) -> dict[str, float]:
        """Iterations per second over the last half minute, and the seconds that are left; not of the first
        iteration, in which kernels are compiled"""
        past, t = self._past, time.monotonic()
        past.append((t, done))
        if self._first and len(past) == 2:
            self._first = False
            if done - past[0][1] == 1:
                past.popleft()
        while len(past) > 2 and t - past[1][0] > WINDOW:
            past.popleft()
        took = t - past[0][0]
        if took <= 0 or done <= past[0][1]:
            return {}
        rate = (done - past[0][1]) / took
        return {"rate": rate, "eta": (total - done) / rate}

    def _beat(self):
        while not self._over.wait(PERIOD):
            if self._changed or time.monotonic() - self._written > BEAT:
                self._write()
            self.history.write()
            while self._errands and not self._over.is_set():
                self._errands.popleft()()

    def _write(self):
        self._changed, self._written = False, time.monotonic()
        write(self.folder, self.facts)


def write(folder: Path, facts: dict[str, Any]):
    """Replace status.json, with the time as `heartbeat`; what the disk refuses is not told."""
    if folder is None:
        return
    with contextlib.suppress(OSError):
        write_text(Path(folder) / "status.json", json.dumps({**facts, "heartbeat": now()}, indent=1) + "\n")


def event(folder: Path, kind: str, **facts):
    """Add a line to events.jsonl (one write in append mode: any rank may)."""
    if folder is None:
        return
    line = json.dumps({"time": now(), "event": kind, **facts}) + "\n"
    path = Path(folder) / "events.jsonl"
    with contextlib.suppress(OSError), open(path, "ab", buffering=0, opener=own) as file:
        file.write(line.encode())


def now() -> str:
    """The time in UTC: 2026-11-22T21:48:12.123Z."""
    text = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def slurm_job(environ=os.environ) -> str:
    """Slurm's number of this job, as squeue shows it ("120_3" for a task of an array); "" outside Slurm."""
    if "SLURM_ARRAY_TASK_ID" in environ:
        return f"{environ.get('SLURM_ARRAY_JOB_ID', '')}_{environ['SLURM_ARRAY_TASK_ID']}"
    return environ.get("SLURM_JOB_ID", "")


def _words(facts: dict[str, Any]) -> str:
    """How the iterations stand, behind the number: ", DM: error 0.02, R 0.03, llk 1.3, 2/s, 3 min left"."""
    figures = [f"{name} {facts[name]:.4g}" for name in ("error", "R", "llk", "held") if name in facts]
    words = f", {facts['engine']}: {', '.join(figures)}" if "engine" in facts else ""
    return words + (f", {facts['rate']:.3g}/s" if "rate" in facts else "") + _left(facts)


def _left(facts: dict[str, Any]) -> str:
    """The time that is left: ", 3 min left"; "" where it is not known."""
    seconds = facts.get("eta")
    if seconds is None:
        return ""
    count, unit = (seconds, "s") if seconds < 90 else (seconds / 60, "min")
    count, unit = (count, unit) if count < 90 or unit == "s" else (count / 60, "h")
    return f", {count:.0f} {unit} left"


def _end(error: BaseException | None) -> dict[str, Any]:
    """State, exit code and message at the end"""
    if error is None:
        return {"state": "done", "code": 0, "message": ""}
    error, code = explained(error), exit_code(error)
    if isinstance(error, SystemExit | KeyboardInterrupt) and code > 128:
        return {"state": "stopped", "code": code, "message": f"ended by signal {code - 128}"}
    text = str(error) if isinstance(error, NanompiError) else f"{type(error).__name__}: {error}"
    return {"state": "stopped" if code == 75 else "failed", "code": code, "message": text}
