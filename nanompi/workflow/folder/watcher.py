"""Watches a folder: each new complete file becomes a run of a job, one after the other, or a submission.

What is begun is written down before (`state`), so that after a kill at any moment the next watcher goes on
with it in the same run folder, and no file is taken twice or forgotten.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from nanompi.errors import ResourceError, shown
from nanompi.workflow.folder import files
from nanompi.workflow.folder.child import Answer
from nanompi.workflow.folder.options import Options
from nanompi.workflow.folder.rounds import Rounds, start
from nanompi.workflow.folder.state import BEGUN, BUSY, Entry, State, wanted_again
from nanompi.workflow.folder.task import Task

ROOM = 256 << 20  # bytes that must be free where runs are written, before another is begun
LONGEST = 600.0  # s between two looks at a file, or a job, that is wrong
RESOURCES = 5  # times that a run is begun which means are missing for
BEGINNINGS = 20  # times that a run is begun which nobody has ever seen end
PAUSE = 60.0  # s to wait for room on a full disk


@dataclass
class Watcher:
    """The watcher of one folder; `work()` ends when it is stopped, or has done all with `once`.

    folder : watched; state : of its files; task : what is done with one; tell : called with each event
    rest   : rest(seconds) waits so long, or until it is stopped; stopped : asks whether it is
    """

    folder: str
    state: State
    task: Task
    options: Options
    tell: Callable
    rest: Callable[[float], None]
    stopped: Callable[[], bool]
    still: files.Stillness = field(default_factory=files.Stillness)
    said: dict = field(default_factory=dict)
    failed: int = 0
    rounds: Rounds | None = None

    def work(self) -> int:
        """The exit code: 7 where a file has failed meanwhile or, with `once`, was not complete; 75 where a
        run was stopped, and is gone on with by the next watcher; else 0."""
        self.rounds = Rounds(self)
        if self.state.new:
            self._first()
        while not self.stopped():
            try:
                self._again()
                self._go_on()
                waits = self._look()
                self.said.pop("", None)
            except (ResourceError, OSError) as error:  # OSError: no process could be started, or no folder
                if self.options.once:
                    raise error if isinstance(error, ResourceError) else ResourceError(str(error)) from None
                self._once("stands still", "", reason=str(error))
                self.rest(PAUSE)
                continue
            if self.options.once and not waits:
                break
            if not self.stopped():
                self.rest(min(self.options.every, 0.2) if waits and self.options.once else self.options.every)
        return self._code()

    def _code(self) -> int:
        states = [entry.state for entry in self.state.entries.values()]
        if any(state in BEGUN for state in states):
            return 75
        return 7 if self.failed or (self.options.once and "waiting" in states) else 0

    def _first(self):
        """What is there at the very first start is left, or taken as all that come."""
        found = {} if self.options.old else self._found()
        for name, seen in found.items():
            stamp = files.stamp(self._path(name))
            self.state.entries[name] = Entry(seen.size, seen.changed, "left", stamp)
            if stamp:
                self.state.stamps.setdefault(str(stamp), name)
        self.state.write()
        if found:
            self.tell("left", count=len(found), reason="they were there before; --all, or --again NAME")

    def _found(self) -> dict[str, files.Seen]:
        """Errors: ResourceError where it cannot be listed: a disk that is not there is no empty folder."""
        try:
            return files.look(self.folder, self.options.patterns, str(self.state.path.parent.parent))
        except OSError as error:
            raise ResourceError(f"{self.folder}: cannot be listed: {error.strerror}") from None

    def _path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def _once(self, event: str, name: str, **facts):
        """Tell what has not been told of this file the last time."""
        words = (event, facts.get("code"), facts.get("reason"))
        if self.said.get(name) != words:
            self.said[name] = words
            self.tell(event, name, **facts)

    def _again(self):
        """What was asked by --again."""
        for path, names in wanted_again(self.state.path.parent):
            if (str(path),) in self.said:
                continue
            for name in self.state.want(names):
                self.tell("again", name)
            try:
                path.unlink(missing_ok=True)
            except OSError:
                self.said[(str(path),)] = True

    # ---- what is new ------------------------------------------------------------------------------------

    def _look(self) -> bool:
        """Look at the folder, and take what is ready; True: something is not ready yet, and soon may be."""
        found = self._found()
        self._gone(found)
        looked = {n: files.seen_at(self._path(n)) for n, seen in found.items() if not self._known(n, seen)}
        new = {name: seen for name, seen in looked.items() if seen}
        self.still.renew(new, time.monotonic())
        waits = False
        for name in sorted(new, key=lambda name: new[name].changed):
            if self.stopped():
                break
            waits |= self._one(name, new[name])
        return waits

    def _gone(self, found):
        """Files that were waited for have gone; where they come again, they are new."""
        waiting = {name for name, entry in self.state.entries.items() if entry.state == "waiting"}
        gone = [name for name in sorted(waiting | set(self.still.since)) if name not in found]
        for name in gone:
            if name in waiting or name not in self.state.entries:
                self.tell("gone", name)
            self.said.pop(name, None)
        self.rounds.forget(gone)
        if lost := waiting & set(gone):
            for name in lost:
                del self.state.entries[name]
            self.state.write()

    def _known(self, name: str, seen: files.Seen) -> bool:
        """Is nothing to be done with it, as long as it does not change?"""
        entry = self.state.entries.get(name)
        if entry is None or entry.state == "waiting":
            return False
        same = (entry.size, entry.changed) == (seen.size, seen.changed)
        return same or entry.state in BUSY

    def _one(self, name: str, seen: files.Seen) -> bool:
        """Do what can be done with a file now; True: it must be looked at again soon."""
        entry, path = self.state.entries.get(name), self._path(name)
        if entry and entry.state == "waiting" and (entry.size, entry.changed) != (seen.size, seen.changed):
            entry = replace(entry, size=seen.size, changed=seen.changed, run="", tries=0, since=0, asked=0)
        if self.still.for_seconds(name, time.monotonic()) < self.options.still:
            return self._grows(name, seen)
        if files.held_by_writer(path):
            self._once("waits", name, reason="a program has it open for writing")
            return self._grows(name, seen)
        stamp = files.stamp(path)
        if entry and entry.stamp and entry.stamp == stamp and entry.state != "waiting":
            self.state.put(name, replace(entry, size=seen.size, changed=seen.changed))  # only its time is new
            return False
        if not (entry and entry.again) and (twin := self.state.twin(name, stamp)):
            return self._twin(name, Entry(seen.size, seen.changed, "same", stamp), twin)
        if entry and entry.state == "waiting" and not self.due(entry):
            return False
        return self._take(name, seen, entry, stamp)

    def _grows(self, name: str, seen: files.Seen) -> bool:
        return self.rounds.turn(name, seen) if self.options.live else True

    def _twin(self, name: str, entry: Entry, twin: str) -> bool:
        run = self.state.entries[twin].run
        self.state.put(name, replace(entry, run=run, reason=twin))
        self.tell("same", name, reason=f"it is {shown(twin, 200)}, which is known", run=run)
        return False

    def due(self, entry: Entry) -> bool:
        """Is it time to try once more? The clock of the day counts, as a file may wait over a restart."""
        passed = abs(time.time() - entry.asked)
        if entry.code == 2 and self.task.template.changed():
            return True
        pause = LONGEST if entry.code == 2 else 60.0 * 5 ** (entry.lacks - 1)
        if entry.code not in (2, 4):
            pause = self.options.still * 2 ** min(entry.tries, 20)
        return entry.asked == 0 or passed >= min(pause, LONGEST)

    def _take(self, name: str, seen: files.Seen, entry: Entry | None, stamp: list) -> bool:
        """Is it a whole scan, of which this job can be run? Then run it."""
        if entry and entry.state != "waiting":
            self.tell("changed", name, reason="since it was taken; it is taken again")
            entry = None
        entry = entry or Entry(seen.size, seen.changed, "waiting")
        entry = replace(entry, size=seen.size, changed=seen.changed)
        self.room()
        answer = self.task.complete(self._path(name))
        if self.stopped():
            return True
        if answer.code:
            return self._refused(name, entry, answer)
        if files.seen_at(self._path(name)) != seen:
            return True  # it has changed while it was looked at
        same = entry.code == 4 or (entry.again and self.task.template.kind == "workflow")
        self.begin(name, replace(entry, stamp=stamp, code=0, reason="", again=False), same)
        return False

    def room(self):
        """Errors: ResourceError where the disk for the runs is all but full."""
        free = shutil.disk_usage(self.state.path.parent).free
        if free < ROOM:
            raise ResourceError(
                f"{self.state.path.parent.parent}: {free >> 20} MiB are free there, at least {ROOM >> 20} "
                "are needed before a run is begun: make room"
            )

    def _refused(self, name: str, entry: Entry, answer) -> bool:
        """The file, or the job, is not right: wait for it, for a while."""
        if self.options.live and entry.state == "waiting" and answer.code == 3:
            self.rounds.turn(name, files.seen_at(self._path(name)))
            entry = replace(entry, **self._so_far(name))
        now = time.time()
        first = entry.since or now
        known = {"code": answer.code, "reason": answer.reason, "asked": now, "since": first}
        lacks = entry.lacks + (answer.code == 4)
        entry = replace(entry, state="waiting", tries=entry.tries + 1, lacks=lacks, **known)
        if lacks >= RESOURCES:
            return self._failed(name, entry, 4, answer.reason)
        if answer.code not in (2, 4) and abs(now - first) >= self.options.patience:
            return self._failed(name, entry, answer.code, answer.reason)
        self._once("waits", name, code=answer.code, reason=answer.reason)
        self.state.put(name, entry)
        return False

    def _so_far(self, name: str) -> dict:
        """What rounds have left of a file."""
        entry = self.state.entries.get(name)
        return {"frames": entry.frames, "round": entry.round} if entry else {}

    def _failed(self, name: str, entry: Entry, code: int, reason: str) -> bool:
        self.failed += 1
        self.state.put(name, replace(entry, state="failed", code=code, reason=reason))
        self.tell("failed", name, code=code, run=entry.run, reason=reason)
        return False

    # ---- what was begun ---------------------------------------------------------------------------------

    def begin(self, name: str, entry: Entry, again: bool):
        """Make the run folder (again: take that of before), write it down, run. Errors: ResourceError."""
        folder = entry.run if again and entry.run else self.task.folder()
        entry = replace(entry, state=self.task.state, run=str(folder), tries=0, since=0.0)
        self.state.put(name, entry)
        self.tell("submit" if self.task.submits else "run", name, run=entry.run)
        self._run(name, entry)

    def _go_on(self):
        """What was begun by a watcher that ended before; and what Slurm has done since."""
        for name, entry in list(self.state.entries.items()):
            if self.stopped():
                return
            if entry.state in BEGUN:
                self._resume(name, entry)
        for name, entry, code, reason in self.task.queue.ended(self.state):
            self._ended(name, entry, code, reason)

    def _resume(self, name: str, entry: Entry):
        """Unless somebody is still at it. Errors: ResourceError."""
        if self.task.held(entry):
            self._once("waits", name, reason=f"{entry.run} is in use by a process that is about to end")
            return
        if entry.state == "live":  # no round is gone on with: there are more frames now
            self.state.put(name, replace(entry, state="waiting", run=""))
            return
        if entry.tries >= BEGINNINGS:
            self._failed(name, entry, 1, f"begun {entry.tries} times, and it has never ended")
            return
        self.tell("goes on", name, run=entry.run)
        self._run(name, entry)

    def _run(self, name: str, entry: Entry):
        """Run it, and write down how it ended."""
        entry = replace(entry, tries=entry.tries + 1)
        self.state.put(name, entry)
        answer = self.task.run(self._path(name), entry, *start(entry))
        if self.task.submits and answer.code == 0:
            number = (answer.told or {}).get("slurm_job", "")
            self.state.put(name, replace(entry, state="submitted", slurm_job=number))
            self.tell("submitted", name, run=entry.run, slurm_job=number)
            return
        if self.stopped() and (answer.code == 75 or answer.code > 128):
            self.state.put(name, replace(entry, tries=0))
            self.tell("stopped", name, run=entry.run, reason="the next watcher goes on with it")
            return
        self._ended(name, entry, answer.code, answer.reason)

    def _ended(self, name: str, entry: Entry, code: int, reason: str):
        """A run, or a batch job, has come to its end. Errors: ResourceError."""
        if code == 0:
            self.state.put(name, replace(entry, state="done", code=0, reason="", round=""))
            self.tell("done", name, run=entry.run, verdict=self.task.verdict(entry))
        elif code == 75 and not self.task.submits and entry.tries < BEGINNINGS:
            self.state.put(name, entry)  # stopped by somebody else: it goes on at the next look
        elif code in (2, 4) and entry.state != "submitted":
            self.task.discard(entry)
            self._refused(name, entry, Answer(code, reason))
        elif code in (3, 5) and entry.round:
            self.tell("again", name, code=code, reason=f"without the image so far: {reason}")
            self.begin(name, replace(entry, round=""), again=False)
        else:
            self._failed(name, entry, code, reason)
