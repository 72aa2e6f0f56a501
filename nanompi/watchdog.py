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
from nanompi.newfile import own_folder, write_text


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
        seen, last = None, time.monotonic()
        while not self.over.wait(self.step):
            # Where a library stands still and lets no thread of Python run, one of C still tells the stack;
            # the ranks that wait for this one then name it and end the job.
            faulthandler.dump_traceback_later(self.limit + self.grace / 2)
            now, ticks = time.monotonic(), self._ticks()
            self.quiet = self.quiet + min(now - last, 2 * self.step) if ticks == seen else 0.0
            seen, last = ticks, now
            self._judge()

    def _ticks(self) -> tuple:
        """What changes as long as work goes on; in a step of the user's own, computing is work enough."""
        fifths = int(5 * time.process_time() / self.step) if self.clock.patient else 0
        return self.clock.ticks, self.team.ticks, fifths

    def _judge(self):
        waits = self.team.waiting
        self._mark(bool(waits) and self.quiet > self.limit / 2)
        if waits and self.quiet > self.limit + self.grace and self._first():
            self._end(f"{self._phase()}, it waits in {waits} for {self._silent()}")
        elif not waits and self.quiet > self.limit:
            self._end(self._phase())

    def _phase(self) -> str:
        return f"in phase {self.clock.now or 'none'}"

    def _mark(self, yes: bool):
        """Say by a file that this rank waits; a folder that cannot be written costs the names only."""
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
        with suppress(OSError):
            age = {int(p.name): p.stat().st_mtime for p in self.folder.iterdir() if p.name.isdigit()}
            return {rank for rank, at in age.items() if at > max(age.values()) - 4 * self.step}
        return set()

    def _silent(self) -> str:
        """The ranks that do not say that they wait."""
        silent = sorted(set(range(self.team.size)) - self._waiting() - {self.team.rank})
        if not silent:
            return "others, and all ranks wait (is the network down?)"
        named = ", ".join(f"rank {r} on {self.hosts[r]}" for r in silent[:8])
        return named + (f" and {len(silent) - 8} more" if len(silent) > 8 else "")

    def _first(self) -> bool:
        """The waiting rank with the lowest number speaks."""
        first = min(self._waiting(), default=self.team.rank)
        return self.team.rank <= first or self.quiet > self.limit + 2 * self.grace

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
