"""The runs below a folder, by the names that the list gives them.

A request names a run; it is looked up here, and no path is ever made from what a request says.
"""

import threading
import time
from pathlib import Path
from typing import Any

from nanompi.cluster import slurm
from nanompi.errors import shown
from nanompi.report import status
from nanompi.run.status import OVER

MOST = 500  # runs that are listed, the newest
OLD = 1.0  # seconds after which the folders are looked at again
QUEUE_OLD = 15.0  # the same for Slurm's queue
PATTERNS = ("status.json", "*/status.json", "*/*/status.json", "*/*/*/status.json")  # the last: of a sweep
FACTS = (
    *("state", "verdict", "reason", "message", "code", "name", "step", "engine", "iteration", "iterations"),
    *("items_done", "items", "items_are", "error", "R", "llk", "rate", "eta", "ranks"),
    *("slurm", "slurm_job", "begun", "host", "device", "heartbeat"),
)


class Runs:
    """top : folder of runs, or one run"""

    def __init__(self, top: Path):
        self.top = top.resolve()
        self._lock = threading.Lock()
        self._folders: dict[str, Path] = {}
        self._looked, self._asked = -OLD, -QUEUE_OLD
        self._queue: dict[str, str] | None = None
        self._over: dict[str, tuple[tuple, dict]] = {}

    def folder(self, name: str) -> Path | None:
        """The folder of a run that is listed; None for any other name."""
        with self._lock:
            self._look()
            folder = self._folders.get(name)
            return folder if folder is not None and self._inside(folder) else None

    def listed(self) -> list[dict[str, Any]]:
        """What there is to say of each run, the newest first."""
        with self._lock:
            self._look()
            return [self._facts(name, folder) for name, folder in self._folders.items()]

    def begun(self):
        """A run was begun from the page: the next request finds it, however late the folders were read."""
        with self._lock:
            self._looked = -OLD

    def status(self, name: str) -> dict[str, Any]:
        """The same of one."""
        with self._lock:
            return self._facts(name, self._folders[name])

    def _look(self):
        if time.monotonic() - self._looked < OLD:
            return
        self._looked = time.monotonic()
        found = {p.parent for pattern in PATTERNS for p in self.top.glob(pattern)}
        real = [folder for folder in found if folder.name != "latest" and self._inside(folder)]
        newest = sorted(real, key=status.touched, reverse=True)[:MOST]
        self._folders = {self._name(folder): folder for folder in newest}

    def _name(self, folder: Path) -> str:
        return shown(folder.relative_to(self.top) if folder != self.top else folder.name)

    def _inside(self, folder: Path) -> bool:
        """Is it really below the top? A link may lead elsewhere."""
        return folder.resolve().is_relative_to(self.top)

    def _facts(self, name: str, folder: Path) -> dict[str, Any]:
        stamp = tuple(_stamp(folder / file) for file in ("status.json", "events.jsonl"))
        if name in self._over and self._over[name][0] == stamp:
            return self._over[name][1]
        found = status.read(folder, self._slurm())
        one = {"run": name, **{fact: found[fact] for fact in FACTS if fact in found}}
        one = {fact: shown(text) if isinstance(text, str) else text for fact, text in one.items()}
        if one["state"] in OVER:
            self._over[name] = stamp, one
        return one

    def _slurm(self) -> dict[str, str] | None:
        """Slurm's queue, where there is one"""
        if time.monotonic() - self._asked > QUEUE_OLD:
            self._asked, self._queue = time.monotonic(), slurm.queue()
        return self._queue


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
        return found.st_mtime_ns, found.st_size
    except OSError:
        return 0, 0
