"""A rank that stands still ends the job, and says who, where and in which phase.

A thread on each rank looks whether work goes on: phases and blocks of the clock, verbs of the team. A rank
that stands still outside of MPI is to blame and speaks after `limit` seconds. Ranks that wait for it leave a
mark in RUN/.waiting; should the one to blame not speak (its whole process stands still), the first of them
ends the job a little later and names the ranks without a mark. Where nobody else waits, a timer in C ends a
process that lets no thread of Python run (nanompi.run.deadman). Normally nothing is written and nothing sent.

Time in which this thread itself stood still (a suspended job, a sleeping laptop) does not count.

The same thread sees when the launcher (mpiexec's process on this node, srun's) has gone: this rank then asks
itself to stop as by TERM, keeps its state, and ends.
"""

import faulthandler
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from nanompi.errors import ResourceError, complain, exit_code
from nanompi.io.atomic import own_folder, write_text
from nanompi.mpi.launcher import under_launcher
from nanompi.run.deadman import Deadman

LIMIT = 600.0  # seconds, until the job says its own
STEP = 2.0  # seconds between two looks, at most
ALONE = 60.0  # seconds without progress after which a rank whose launcher has gone ends as it stands


class Watchdog:
    """`with Watchdog(team, clock) as dog: ...`, right after the ranks know each other (collective).

    limit  : seconds, 0 = only the launcher is watched
    folder : run folder for marks, None as long as it is not known
    """

    def __init__(self, team, clock, folder: Path | None = None, limit: float = LIMIT):
        self.lock, self.over, self.deadman, self.begun = threading.Lock(), threading.Event(), None, False
        self.parent, self.orphan = os.getppid() if under_launcher() else None, False
        self._look(team, clock, folder, limit, team.allgather(team.host))
        self.thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def _look(self, team, clock, folder, limit, hosts):
        """What is watched from now on."""
        with self.lock:
            if self.deadman:
                self._mark(False)
                self.deadman.off()
            self.team, self.clock, self.limit, self.hosts = team, clock, limit, hosts
            self.folder = folder and Path(folder).absolute() / ".waiting"
            self.step, self.grace = min(STEP, limit / 8) if limit else STEP, min(30.0, limit / 2)
            self.quiet, self.marked = 0.0, False
            self.deadman = Deadman(max(5.0, self.grace))
            clock.hear = self._renew
            self._renew()

    @contextmanager
    def watching(self, team, clock, folder: Path | None, limit: float):
        """`with dog.watching(...)`: another team, clock, folder or limit for a while (collective)"""
        before = self.team, self.clock, self.folder and self.folder.parent, self.limit, self.hosts
        self._look(team, clock, folder, limit, team.allgather(team.host))
        try:
            yield
        finally:
            self._look(*before)

    def __enter__(self):
        self.begun = True
        self._renew()
        self.thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self.over.set()
        self.thread.join()
        self.begun = False
        self._renew()
        self.deadman.off()
        self._mark(False)
        if self.orphan or self._launcher_gone():  # MPI may not end any more without its launcher
            if error is not None:
                complain(error, trace, f"{self._who}: ")
            self.team.exit(exit_code(error) if error is not None else 0)

    def _watch(self):
        last, self.seen = time.monotonic(), None
        while not self.over.wait(self.step):
            now = time.monotonic()
            with self.lock:
                self._renew()
                self._count(now - last)
                self._judge()
            last = now
            if self._launcher_gone() and not self.orphan:
                self._orphaned()

    def _renew(self):
        """This process is alive: the timers in C begin again. A step of the user's own may take its time."""
        watched = self.begun and self.limit and not self.clock.patient
        patience = self.limit + (3 * self.grace if self.team.size > 1 else self.grace / 2)
        self.deadman.renew(patience if watched else 0)
        with suppress(OSError, ValueError, AttributeError, RuntimeError):  # a stream without a number
            # Where others wait for this rank they name it and end the job; only this can tell its stack.
            if watched and self.team.size > 1:
                faulthandler.dump_traceback_later(self.limit + self.grace / 2)
            else:
                faulthandler.cancel_dump_traceback_later()

    def _count(self, passed: float):
        """Seconds without progress; those in which this process was stopped as a whole do not count."""
        ticks = self._ticks()
        self.quiet = self.quiet + min(passed, 2 * self.step) if ticks == self.seen else 0.0
        self.seen = ticks
        if self.limit and passed > self.limit:
            self._say(f"this process was stopped for {passed:.0f} s and goes on (a stack above means that)")

    def _ticks(self) -> tuple:
        """What changes as long as work goes on; in a step of the user's own, computing is work enough."""
        fifths = int(5 * time.process_time() / self.step) if self.clock.patient else 0
        return self.clock, self.clock.ticks, self.team.ticks, fifths

    def _judge(self):
        waits = self.team.waiting
        self._mark(bool(waits) and self.limit > 0 and self.quiet > self.limit / 2)
        if self.orphan:
            if self.quiet > ALONE:
                self.team.exit(128 + signal.SIGTERM)
        elif not self.limit:
            return
        elif waits and self.quiet > self.limit + self.grace and self._first():
            self._end(f"{self._phase()}, it waits in {waits} for {self._silent()}")
        elif not waits and self.quiet > self.limit:
            self._end(self._phase())

    def _launcher_gone(self) -> bool:
        return self.parent not in (None, os.getppid())

    def _orphaned(self):
        self.orphan, self.quiet = True, 0.0
        self._say("the launcher (mpirun, mpiexec or srun) has gone; this rank stops, as by SIGTERM")
        os.kill(os.getpid(), signal.SIGTERM)

    def _phase(self) -> str:
        return f"in phase {self.clock.now or 'none'}"

    def _mark(self, yes: bool):
        """Say by a file that this rank waits; a folder that cannot be written costs the names only."""
        if not self.folder:
            return
        before, self.marked, path = self.marked, yes, self.folder / str(self.team.rank)
        with suppress(OSError):
            if yes:
                own_folder(self.folder)
                write_text(path, f"{self.quiet:.1f}")  # written again and again: an old mark says nothing
            elif before:
                path.unlink()
                self.folder.rmdir()

    def _waiting(self) -> set[int]:
        """The ranks that say now that they wait, by the clock of the file system."""
        if not self.folder:
            return set()
        with suppress(OSError):
            age = {int(p.name): p.stat().st_mtime for p in self.folder.iterdir() if p.name.isdigit()}
            return {rank for rank, at in age.items() if at > max(age.values()) - 4 * self.step}
        return set()

    def _silent(self) -> str:
        """The ranks that do not say that they wait."""
        silent = sorted(set(range(self.team.size)) - self._waiting() - {self.team.rank})
        if not self.folder:
            return "other ranks"
        if not silent:
            return "others, and all ranks wait (is the network down?)"
        named = ", ".join(f"rank {r} on {self.hosts[r]}" for r in silent[:8])
        return named + (f" and {len(silent) - 8} more" if len(silent) > 8 else "")

    def _first(self) -> bool:
        """The waiting rank with the lowest number speaks; without marks each has a time of its own."""
        if not self.folder:
            return self.quiet > self.limit + self.grace * (1 + self.team.rank / self.team.size)
        first = min(self._waiting(), default=self.team.rank)
        return self.team.rank <= first or self.quiet > self.limit + 2 * self.grace

    def _end(self, where: str):
        error = ResourceError(
            f"no progress for {self.quiet:.0f} s {where}; the job is ended (run.watchdog: 0 lets it wait). "
            "Where this rank stands:"
        )
        self._say(str(error))
        with suppress(OSError, ValueError, AttributeError):
            faulthandler.dump_traceback(sys.stderr)
            sys.stderr.flush()
        time.sleep(0.3)  # mpiexec kills without reading what is still in the pipe of stderr
        threading.Timer(3.0, self.team.exit, [error.code]).start()  # MPI may stand still, too
        self.team.abort(error.code)

    def _say(self, text: str):
        with suppress(OSError, ValueError):
            print(f"nanompi: {self._who}: {text}", file=sys.stderr, flush=True)

    @property
    def _who(self) -> str:
        return f"rank {self.team.rank} on {self.team.host}"
