"""A rank that stands still ends the job, and says who, where and in which phase.

A thread on each rank looks whether work goes on: phases and blocks of the clock, verbs of the team. A rank
that stands still outside of MPI is to blame and speaks after `limit` seconds. Ranks that wait for it leave a
mark in RUN/.waiting; should the one to blame not speak (its whole process stands still), the first of them
ends the job a little later and names the ranks without a mark. Normally nothing is written and nothing sent.

Time in which this thread itself stood still (a suspended job, a sleeping laptop) does not count.
"""

import faulthandler
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from nanompi.errors import ResourceError


class Watchdog:
    """`with Watchdog(team, clock, folder, limit): ...` (collective); limit : seconds, 0 = off."""

    def __init__(self, team, clock, folder: Path, limit: float):
        self.team, self.clock, self.limit = team, clock, limit
        self.folder = Path(folder).absolute() / ".waiting"
        self.step, self.grace = min(5.0, limit / 8), min(30.0, limit / 2)
        self.quiet, self.marked, self.over = 0.0, False, threading.Event()
        self.hosts = team.allgather(team.host) if limit else []
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        if self.limit:
            self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        if self.limit:
            self.thread.join()
            faulthandler.cancel_dump_traceback_later()
            self._mark(False)

    def _watch(self):
        seen, last, spent = None, time.monotonic(), time.process_time()
        while not self.over.wait(self.step):
            # Where a library stands still and lets no thread of Python run, one of C still tells the stack;
            # the ranks that wait for this one then name it and end the job.
            faulthandler.dump_traceback_later(self.limit + self.grace / 2)
            now, ticks = time.monotonic(), (self.clock.ticks, self.team.ticks)
            if ticks == seen:
                self.quiet += min(now - last, 2 * self.step)
            else:
                seen, self.quiet, spent = ticks, 0.0, time.process_time()
            last = now
            busy = self.clock.patient and time.process_time() - spent > 0.05 * self.quiet
            self._judge(busy)

    def _judge(self, busy: bool):
        waits = self.team.waiting
        self._mark(bool(waits) and self.quiet > self.limit / 2)
        if waits and self.quiet > self.limit + self.grace and self._first():
            self._end(f"{self._phase()}, it waits in {waits} for {self._silent()}")
        elif not waits and not busy and self.quiet > self.limit:
            self._end(self._phase())

    def _phase(self) -> str:
        return f"in phase {self.clock.now or 'none'}"

    def _mark(self, yes: bool):
        """Say by a file that this rank waits; a folder that cannot be written costs the names only."""
        if yes == self.marked:
            return
        self.marked, path = yes, self.folder / str(self.team.rank)
        with suppress(OSError):
            if yes:
                self.folder.mkdir(exist_ok=True)
                path.touch()
            else:
                path.unlink()
                self.folder.rmdir()

    def _silent(self) -> str:
        """The ranks that do not say that they wait."""
        with suppress(OSError):
            waiting = {int(p.name) for p in self.folder.iterdir() if p.name.isdigit()}
            silent = [r for r in range(self.team.size) if r not in waiting]
            if silent:
                named = ", ".join(f"rank {r} on {self.hosts[r]}" for r in silent[:8])
                return named + (f" and {len(silent) - 8} more" if len(silent) > 8 else "")
        return "others, and all ranks wait (is the network down?)"

    def _first(self) -> bool:
        """The waiting rank with the lowest number speaks."""
        with suppress(OSError):
            waiting = [int(p.name) for p in self.folder.iterdir() if p.name.isdigit()]
            return not waiting or self.team.rank == min(waiting) or self.quiet > self.limit + 2 * self.grace
        return True

    def _end(self, where: str):
        error = ResourceError(
            f"no progress for {self.quiet:.0f} s {where}; the job is ended (run.watchdog: 0 lets it wait). "
            "Where this rank stands:"
        )
        with suppress(OSError, ValueError):
            print(f"nanompi: rank {self.team.rank} on {self.team.host}: {error}", file=sys.stderr, flush=True)
            faulthandler.dump_traceback(sys.stderr)
            sys.stderr.flush()
        time.sleep(0.3)  # mpiexec kills without reading what is still in the pipe of stderr
        threading.Timer(3.0, self.team.exit, [error.code]).start()  # MPI may stand still, too
        self.team.abort(error.code)
