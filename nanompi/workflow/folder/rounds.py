"""A file that still grows: whenever enough new frames have come, a run of all that are there so far, which
begins with object and probe of the one before."""

import json
import time
from dataclasses import replace
from pathlib import Path

from nanompi.workflow.folder.files import Seen
from nanompi.workflow.folder.state import Entry

LIVE = "input.live=true"
COST = 5.0  # a look into the file may take one part in so many of the time


class Rounds:
    """The rounds of a watcher; of each file, when it may be looked into again, and how it was then."""

    def __init__(self, watcher):
        self.watcher, self.next = watcher, {}

    def turn(self, name: str, seen: Seen | None) -> bool:
        """Make a round, if there are enough frames. Always True: the file must be looked at again.

        Errors: ResourceError.
        """
        w, begun = self.watcher, time.monotonic()
        when, before = self.next.get(name, (begun, None))
        if seen is None or begun < when or seen == before or w.stopped():
            return True
        answer = w.task.complete(w._path(name), LIVE)
        now = time.monotonic()
        self.next[name] = (now + max(w.options.every, COST * (now - begun)), seen)
        if answer.code:
            if not w.stopped():
                w._once("grows", name, code=answer.code, reason=answer.reason)
            return True
        entry = w.state.entries.get(name) or Entry(seen.size, seen.changed, "waiting")
        frames = (answer.told.get("shape") or [0])[0]
        if frames < max(w.options.least, w.options.growth * entry.frames):
            w._once("grows", name, frames=frames)
            return True
        self._round(name, replace(entry, size=seen.size, changed=seen.changed), frames)
        return True

    def _round(self, name: str, entry: Entry, frames: int):
        w = self.watcher
        w.room()
        entry = replace(entry, state="live", run=str(w.task.folder()), code=0, reason="", since=0.0, tries=0)
        w.state.put(name, entry)
        w.tell("round", name, frames=frames, run=entry.run)
        answer = w.task.run(w._path(name), entry, LIVE, *start(entry))
        if w.stopped() and answer.code:
            frames = entry.frames
        elif answer.code:
            w.tell("round failed", name, code=answer.code, run=entry.run, reason=answer.reason)
        else:
            verdict = w.task.verdict(entry)
            entry = replace(entry, round=entry.run)
            w.tell("round done", name, frames=frames, run=entry.run, verdict=verdict)
        w.state.put(name, replace(entry, state="waiting", frames=frames, run=""))

    def forget(self, names):
        """These files have gone, or are complete."""
        for name in names:
            self.next.pop(name, None)


def start(entry: Entry) -> list[str]:
    """Settings by which a run begins where the last round ended; [] where there was none."""
    if not entry.round or not (Path(entry.round) / "result.h5").is_file():
        return []
    return [
        text
        for what in ("object", "probe")
        for text in (f"steps.ptycho.{what}.start=file", f"steps.ptycho.{what}.file={json.dumps(entry.round)}")
    ]
