"""The runs below a folder, by the names that the list gives them.

A request names a run; it is looked up here, and no path is ever made from what a request says.
"""

import threading
import time
from pathlib import Path
from typing import Any

from nanompi.cluster import slurm
from nanompi.errors import shown
from nanompi.report import status, workflow
from nanompi.report.status import Queue
from nanompi.run.status import OVER

MOST = 500  # runs that are listed, the newest
OLD = 1.0  # seconds after which the folders are looked at again
QUEUE_OLD = 15.0  # the same for Slurm's queue
TREE_OLD = 30.0  # the same for a workflow that is over, of which nothing seems to have changed
FLOWS = ("workflow.json", "*/workflow.json", "*/*/workflow.json")
SWEEPS = ("settings.json", "*/settings.json", "*/*/settings.json")
COUNTS = (  # of a stage in the list
    *("name", "state", "done", "failed", "working", "waiting"),
    *("slurm", "message"),
)
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
        self._queue: Queue = None
        self._over: dict[str, tuple[tuple, dict]] = {}
        self._flows: dict[str, Path] = {}
        self._sweeps: dict[str, Path] = {}
        self._trees: dict[str, tuple[float, tuple, dict]] = {}

    def folder(self, name: str) -> Path | None:
        """The folder of a run that is listed, or of an item of a workflow; None for any other name."""
        with self._lock:
            self._look()
            folder = self._folders.get(name) or self._item(name)
            return folder if folder is not None and self._inside(folder) else None

    def tree(self, name: str) -> tuple[Path, dict[str, Any]] | None:
        """Folder and tree of a workflow or sweep that is listed; None for any other name."""
        with self._lock:
            self._look()
            folder = self._flows.get(name) or self._sweeps.get(name)
            return (folder, self._tree(name)) if folder is not None and self._inside(folder) else None

    def workflows(self) -> list[dict[str, Any]]:
        """What there is to say of each workflow and its stages, the newest first."""
        with self._lock:
            self._look()
            return [_summary(name, self._tree(name)) for name in self._flows]

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
            return self._facts(name, self._folders.get(name) or self._item(name))

    def _look(self):
        if time.monotonic() - self._looked < OLD:
            return
        self._looked = time.monotonic()
        found = {p.parent for pattern in PATTERNS for p in self.top.glob(pattern)}
        flows = self._newest({p.parent for pattern in FLOWS for p in self.top.glob(pattern)})
        self._flows = {self._name(folder): folder for folder in flows}
        swept = self._newest({p.parent for pattern in SWEEPS for p in self.top.glob(pattern)} - set(flows))
        self._sweeps = {self._name(folder): folder for folder in swept}
        apart = {folder for folder in found if not any(flow in folder.parents for flow in flows)}
        self._folders = {self._name(folder): folder for folder in self._newest(apart)}

    def _newest(self, found: set[Path]) -> list[Path]:
        real = [folder for folder in found if folder.name != "latest" and self._inside(folder)]
        return sorted(real, key=status.touched, reverse=True)[:MOST]

    def _item(self, name: str) -> Path | None:
        """The folder of an item of a workflow: its name is looked up among those that workflow.json has"""
        flow = next((one for one in self._flows if name.startswith(f"{one}/")), None)
        for stage in self._tree(flow)["stages"] if flow else ():
            for item in stage["items"]:
                if f"{flow}/{stage['name']}/{item['name']}" == name:
                    return self._flows[flow] / stage["name"] / item["name"]
        return None

    def _tree(self, name: str) -> dict[str, Any]:
        """How a workflow stands; read again when it is old"""
        folder, now = self._flows.get(name) or self._sweeps[name], time.monotonic()
        known = self._trees.get(name)
        stamp = tuple(
            _stamp(one)
            for one in (folder / workflow.FILE, folder / workflow.SWEEP, folder, *sorted(folder.glob("*/")))
        )
        if known is not None:
            over = known[2]["state"] in (*OVER, "lost") and known[1] == stamp
            if now - known[0] < (TREE_OLD if over else OLD):
                return known[2]
        tree = workflow.read(folder, self._slurm())
        self._trees[name] = now, stamp, tree
        return tree

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

    def _slurm(self) -> Queue:
        """Slurm's queue, where there is one"""
        if time.monotonic() - self._asked > QUEUE_OLD:
            self._asked, self._queue = time.monotonic(), slurm.queue()
        return self._queue


def _summary(name: str, tree: dict[str, Any]) -> dict[str, Any]:
    """A workflow in the list: without its items"""
    stages = [{**{fact: one[fact] for fact in COUNTS}, "items": len(one["items"])} for one in tree["stages"]]
    own = {fact: tree[fact] for fact in ("state", "done", "items", "again", "code")}
    return {"workflow": name, **own, "message": shown(tree["message"], 600), "stages": stages}


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
        return found.st_mtime_ns, found.st_size
    except OSError:
        return 0, 0
