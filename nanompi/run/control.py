"""Decides when a run checkpoints and when it stops: by time, by signal, by a file in its folder.

    RUN/checkpoint   keep the state, go on          RUN/stop   end early with a full result
    RUN/show         show the image as it is now (RUN/live.h5)

Rank 0 decides on time and files; a signal may reach any rank. One sum of a few numbers in each iteration
makes the decision the same on all ranks.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from nanompi import __version__
from nanompi.errors import ResourceError, Stopped, common
from nanompi.mpi.signals import Signals
from nanompi.run.checkpoint import SavedState, State, Writing, clear

ITERATION, BLOCK = "iteration", "block"  # after which a run may keep its state and stop
LOOK = 1.0  # seconds between two looks for files: a shared file system is not asked in each iteration


class Control:
    """Decides when a run keeps its state, and when its iterations end.

    run      : nanompi.run.perform.Run (team, folder, options, say, warn)
    marks    : {"job": hash}: what tells this run from others
    saved_state : the checkpoint from which it goes on, or None
    notes    : for the result: where the run was resumed, and whether it was stopped early
    files    : {path: stamp} of all that was read (rank 0; `io.fingerprint.followed`), kept with the state
    live     : nanompi.report.live.LiveView, which shows how far the run is; None where nobody looks
    view     : of the step at work: view() gives a function that makes signals (rank 0), or None (collective)
    """

    def __init__(self, run, marks: dict, signals: Signals):
        self.team, self.interval, self.marks, self.signals = run.team, run.options.checkpoint, marks, signals
        self.folder = run.team.bcast(Path(run.folder).absolute() if run.team.root and run.folder else None)
        self.say, self.warn, self.saved_state = run.say, run.warn, None
        self.notes: dict[str, Any] = {}
        self.files: dict[str, list] = {}
        self.done, self.step, self.what = 0, 0, ITERATION
        self.writing, self.last, self.looked = None, time.monotonic(), 0.0
        self.live: Any = None
        self.view: Callable | None = None

    def resume(self, saved_state: SavedState) -> str:
        """Go on from a checkpoint; what there is to say of it."""
        self.saved_state, facts = saved_state, saved_state.facts
        self.files.update(facts.get("files", {}))  # not all of them are read again
        ranks, here, what = facts["ranks"], self.team.size, facts.get("what", ITERATION)
        same = "the same but for rounding" if what == ITERATION else "the same bits"
        bits = "" if ranks == here else f", written by {ranks} ranks: on {here} {same}"
        if (build := facts.get("version", "an older one")) != __version__:
            bits += f"; written by nanompi {build}, this is {__version__}: steps may remember other things"
        resumed = [*facts["notes"].get("resumed", []), facts["number"]]
        self.notes = facts["notes"] | {"resumed": resumed}
        return f"resumed after {what} {facts['number']} from {saved_state.path}{bits}"

    def saved(self) -> SavedState | None:
        """The saved state, when it is one of this step of the job."""
        here = self.saved_state is not None and self.saved_state.facts["step"] == self.step
        return self.saved_state if here else None

    def begin(self, step: int):
        """Step number `step` of the job begins (collective). A signal that came before any iteration is
        heeded now; one that came after the last iteration is not: the result is near."""
        self.step, self.view = step, None
        if not self.signals.gentle and self.team.total(bool(self.signals.asked))[0]:
            lost = "the steps before it begin again" if step else "nothing is lost"
            self._stopped(f"before step {step + 1} of the job: {lost}")

    def first(self) -> SavedState | None:
        """The iterations of this step begin: from now on there is something to keep. As `saved`."""
        self.signals.gentle = True
        return self.saved()

    def back(self, done: int):
        """The saved state has been taken over, with so many iterations of the job done."""
        self.done, self.saved_state = done, None
        self.last = time.monotonic()

    def interrupted(self) -> bool:
        """Has a signal or the file `stop` come, on any rank, while work that keeps no state goes on
        (collective)?"""
        asked = bool(self.signals.name)
        if self.team.root and self.folder and time.monotonic() - self.looked >= LOOK:
            self.looked = time.monotonic()
            asked |= (self.folder / "stop").exists()
        return bool(self.team.total(asked)[0])

    def stop(self, when: str):
        """Such work ends: the run is stopped (all ranks). Errors: Stopped."""
        self._remove("stop")
        self._stopped(when)

    def turn(self, state: Callable[[], State]) -> bool:
        """After each iteration (collective): keep the state where it is time; True = end the iterations.

        Errors: Stopped (kept, and asked to end), ResourceError (asked to end, but not kept).
        """
        if stop := self._iteration(state):
            self._early()
        return stop

    def part(self, state: Callable[[], State]) -> bool:
        """The same where other iterations follow, which make the result: the file `stop` is left to them."""
        if stop := self._iteration(state):
            self.looked = 0.0
            self.say("stopped early: what follows makes one iteration, and the result")
        return stop

    def block(self, state: Callable[[], State], more: bool) -> bool:
        """The same after each block of items; True = some rank has `more`.

        Without the other blocks there is no result: whoever asks for an early end gets what is done kept, as
        after a signal."""
        end, keep, stop, slow, look, more = self._asked(BLOCK, more)
        self._look(look)
        if stop:
            self._remove("stop")
        self._heed(state, end or stop, keep, slow)
        return bool(more)

    def _iteration(self, state) -> bool:
        """What is done after each; has the file `stop` come?"""
        end, keep, stop, slow, look = self._asked(ITERATION)
        self._look(look)
        self._heed(state, end, keep, slow)
        return bool(stop)

    def _asked(self, what: str, *more: bool):
        self.done, self.what, self.signals.gentle = self.done + 1, what, True
        return self.team.total(*self._wishes(), *more)

    def _look(self, what: float):
        """Show what rank 0 wishes to be shown (collective)"""
        if what:
            self.live.look(int(what), self.view)

    def _heed(self, state, end, keep, slow):
        old = self.saved_state is not None  # an earlier step is done again: on the disk is a later state
        if self.writing and not slow:
            self._finish()
        if end:
            self._end(None if old else state)
        if keep and not old:
            self._keep(state)

    def close(self):
        """The iterations are over; what is on its way is finished (collective)."""
        if self.writing:
            self._finish()

    def clear(self):
        """The result is written: the checkpoints have done their duty (collective)."""
        if self.team.root and self.folder:
            clear(self.folder)

    def _wishes(self) -> tuple[bool, bool, bool, bool, int]:
        """(end, keep, stop early, still writing, what is to be shown) as this rank sees it."""
        slow = self.writing is not None and not self.writing.flushed()
        keep = stop = show = False
        if self.team.root:
            now = time.monotonic()
            keep = 0 < self.interval < now - self.last
            if now - self.looked >= LOOK:
                self.looked = now
                names = ("checkpoint", "stop", "show")  # none of them where the folder cannot be entered now
                asked, stop, show = (os.path.exists(self.folder / name) for name in names)
                keep |= asked
        look = self.live.wanted(show) if self.live and self.team.root else 0
        return bool(self.signals.asked), keep, stop, slow, look

    def _keep(self, state) -> str:
        """Start a checkpoint; what went wrong. A failure does not end the run."""
        if self.writing:
            self._finish()
        kept = state()
        kept.facts |= {"step": self.step, "notes": self.notes, "files": self.files, "version": __version__}
        self.writing = Writing(self.team, self.folder, self.done, self.marks)
        error = self.writing.write(kept)
        if error:
            self.writing = None
            self.warn(f"no checkpoint after {self.what} {self.done}: {error}; the run goes on")
        self._remove("checkpoint")
        self.last = time.monotonic()
        return error

    def _finish(self) -> str:
        writing, self.writing = self.writing, None
        error = writing.finish()
        if error:
            self.warn(f"no checkpoint after {self.what} {writing.number}: {error}; the run goes on")
        else:
            self.say(f"checkpoint after {self.what} {writing.number}: {writing.final}")
        return error

    def _end(self, state):
        """Keep the state and stop."""
        error = ""
        if state:
            error = self._keep(state) or self._finish()
        if error:
            lost = f"the {self.what}s since the last checkpoint are lost"
            raise common(ResourceError(f"stopped by a signal without a checkpoint: {error}; {lost}"))
        self._stopped(f"after {self.what} {self.done}")

    def _stopped(self, when: str):
        name = next(filter(None, self.team.allgather(self.signals.name)), "the file stop")
        raise common(Stopped(f"stopped by {name} {when}; go on with: {self._again()}"))

    def _again(self) -> str:
        ranks = f"-n {self.team.size} " if self.team.size > 1 else ""
        return f"nanompi resume {ranks}{self.folder}"

    def _early(self):
        self.notes["stopped"] = f"by the file {self.folder / 'stop'} after iteration {self.done}"
        self.say(f"stopped {self.notes['stopped']}: the remaining iterations and engines are skipped")
        self._remove("stop")

    def _remove(self, name: str):
        if self.team.root and self.folder:
            with suppress(OSError):
                (self.folder / name).unlink()
