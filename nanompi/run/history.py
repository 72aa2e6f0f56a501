"""The figures of each iteration on the disk while a run goes on: history.jsonl, a line for each.

{"i": 31, "engine": "ML", "error": 0.12, "R": 0.03, "llk": 1.2, "held": 1.3, "photons": 9e8, "t": 12.3}

Keys are absent where a figure was not computed. A resumed run goes on in the same file: lines from its first
iteration on take the place of older ones, and so does a later line of the same iteration, whose figures came
after it was written.
"""

import json
import math
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from nanompi.io.atomic import own
from nanompi.io.ordinary import tail

FIGURES = ("error", "R", "llk", "held", "photons", "support")
NAME = "history.jsonl"
FRESH = 2.0  # seconds for which a line waits for figures that may follow


class History:
    """Lines of one run, noted by rank 0 and written by the thread of its status.

    folder : of the run, None: nothing is kept; t counts the seconds since this was made, of a resumed run
        those before as well
    """

    def __init__(self, folder: Path | None):
        self.path, self.begun, self.before = folder and Path(folder) / NAME, time.monotonic(), None
        self.rows: list[dict[str, Any]] = []
        self.torn, self.lock = False, Lock()

    def note(self, facts: dict[str, Any]):
        """Hear of an iteration, {"iteration": 31, "engine": "ML", "error": 0.12}, or of more figures of the
        last one."""
        if not self.path:
            return
        own_figures = {name: facts[name] for name in FIGURES if math.isfinite(facts.get(name, math.nan))}
        with self.lock:
            if "iteration" in facts:
                self.rows.append({"i": facts["iteration"], "engine": facts["engine"], "t": self._time(facts)})
            if self.rows:
                self.rows[-1] |= own_figures
                self.rows[-1]["new"] = True

    def _time(self, facts) -> float:
        if self.before is None:
            self.before = _last_time(self.path) if facts["iteration"] > 1 else 0.0
        return round(self.before + time.monotonic() - self.begun, 3)

    def write(self, end: bool = False):
        """Add the lines that are new; the last one waits a while for its figures, unless this is the end."""
        with self.lock:
            age = self.before + time.monotonic() - self.begun - self.rows[-1]["t"] if self.rows else 0.0
            ready = self.rows if end or age > FRESH else self.rows[:-1]
            lines = [_line(row) for row in ready if row.pop("new", False)]
            self.rows = self.rows[-1:]
        if lines:
            self._add("".join(lines))

    def _add(self, text: str):
        """A full disk costs lines; what it tears off is ended before the next ones."""
        data = ("\n" * self.torn + text).encode()
        try:
            with open(self.path, "ab", buffering=0, opener=own) as file:
                self.torn = file.write(data) < len(data)
        except OSError:
            self.torn = True


def _line(row: dict[str, Any]) -> str:
    names = ("i", "engine", *FIGURES, "t")
    return json.dumps({name: row[name] for name in names if name in row}, default=float) + "\n"


def _last_time(path: Path) -> float:
    """When the run before had got so far; 0 where nobody knows"""
    with suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
        lines = tail(path, 4096).decode("utf-8", "replace").split("\n")
        found = json.loads(next((line for line in reversed(lines) if line.endswith("}")), "null"))["t"]
        return float(found) if 0 <= found < 1e9 else 0.0
    return 0.0
