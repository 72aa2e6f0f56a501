"""A folder as a workflow leaves it, made by hand: stages of items, each as far as it is said."""

import json
from pathlib import Path

import numpy as np

from nanompi.run import status
from nanompi.run.result import Result, Signal
from nanompi.run.writers import nexus

NOW = {"host": "far", "heartbeat": "2099-01-01T00:00:00.000Z"}


def stage(name: str, items: int, needs=None, key: str = "scan") -> dict:
    """A stage of workflow.json; of one item without a key where `key` is empty"""
    own = [
        {
            "number": k,
            "folder": f"{k:04d}-{key}={k}" if key else "0000",
            "values": {key: k} if key else {},
            "chunk": k,
        }
        for k in range(items)
    ]
    return {"name": name, "needs": needs or {}, "group": None, "at_once": None, "slurm": {}, "items": own}


def workflow(folder: Path, *stages: dict, name: str = "tooth") -> Path:
    """The folder of a workflow that was begun"""
    folder.mkdir(parents=True)
    (folder / "workflow.json").write_text(json.dumps({"name": name, "stages": list(stages)}))
    (folder / "job.yaml").write_text("nanompi: 1\nstages: {}\n")
    for one in stages:
        for item in one["items"]:
            (folder / one["name"] / item["folder"]).mkdir(parents=True)
    return folder


def ended(item: Path, code: int = 0, message: str = "", image: bool = True) -> Path:
    """An item that has ended with a code"""
    state = {0: "done", 75: "stopped"}.get(code, "failed")
    status.write(item, {"name": item.name, "state": state, "code": code, "message": message})
    if code == 0:
        values = np.add.outer(np.arange(8.0), np.arange(12.0))
        signals = {"phase": Signal(values, {}, "rad", "phase", "image")} if image else {}
        nexus.write(Result("phase" if image else "", signals, notes={}), item / "result.h5")
    outcome = {"code": code, "message": message, "seconds": 1.0, "figures": {}}
    (item / "outcome.json").write_text(json.dumps(outcome))
    return item


def at_work(item: Path, **facts) -> Path:
    """An item at iteration 3 of 9 on another host"""
    own = {"name": item.name, "state": "iterating", "engine": "ML", "iteration": 3, "iterations": 9, **NOW}
    status.write(item, own | facts)
    text = json.loads((item / "status.json").read_text()) | NOW
    (item / "status.json").write_text(json.dumps(text))
    return item


def thirty(folder: Path, share: float, failed: int = 3) -> Path:
    """30 items of which the last ones failed, and a stage that needs a share of them"""
    workflow(folder, stage("ptycho", 30), stage("volume", 1, {"ptycho": share}, key=""))
    for k in range(30):
        bad = k >= 30 - failed
        ended(folder / f"ptycho/{k:04d}-scan={k}", 6 if bad else 0, f"scan {k} <b>is</b> empty" * bad)
    return folder


def sweep(folder: Path, *values: float, name: str = "star") -> Path:
    """The folder of a sweep over alpha that was begun."""
    own = [{"number": k, "folder": f"{k:04d}-alpha={v:g}", "values": {"steps.0.alpha": v}}
           for k, v in enumerate(values)]  # fmt: skip
    for one in own:
        (folder / one["folder"]).mkdir(parents=True)
    head = {"name": name, "total": len(own), "options": {"score": ""}, "figures": {}, "settings": own}
    (folder / "settings.json").write_text(json.dumps(head))
    (folder / "job.yaml").write_text("nanompi: 1\nsteps: [{use: ptycho, alpha: {sweep: []}}]\n")
    return folder


def with_image(item: Path) -> Path:
    """The image so far of an item that is at work."""
    values = np.add.outer(np.arange(8.0), np.arange(12.0))
    nexus.write(Result("phase", {"phase": Signal(values, {}, "rad", "phase", "image")}), item / "live.h5")
    return item
