"""The states of runs, from status.json, events.jsonl and Slurm's queue, as a table."""

import contextlib
import datetime
import json
import math
import os
import socket
from pathlib import Path
from typing import Any

from nanompi.errors import JobError, nearest, shown
from nanompi.io.ordinary import tail
from nanompi.run.status import OVER, STATES

SILENT = 60.0  # seconds without a sign of life after which a run counts as lost
COLUMNS = {
    "run": 20,
    "state": 14,
    "iteration": 9,
    "figure": 12,
    "rate": 8,
    "left": 10,
    "ranks": 5,
    "slurm": 0,
}


KINDS = {
    str: (
        *("state", "verdict", "reason", "message", "name", "step"),
        *("host", "device", "slurm_job", "begun", "heartbeat"),
    ),
    int: ("pid", "ranks", "code", "iteration", "iterations", "items_done", "items", "rank"),
    float: ("error", "R", "llk", "rate", "eta"),
}
Queue = dict[str, tuple[str, str]] | None  # {job: (state, script)}: `nanompi.cluster.slurm.queue()`
SEVERAL = ("workflow.json", "settings.json")  # in the folder of a workflow, of a sweep
LARGEST = 10_000_000  # bytes of a status or of the end of a list of events


def runs(where: str = "", most: int = 20) -> list[Path]:
    """Run folders meant by a run folder, a folder of runs, or the name of a job in ./runs; the newest last.

    A workflow stands for the runs of its items, a sweep for those of its settings. Errors: JobError when
    there is none.
    """
    tries = [Path(where)] if where else []
    tries.append(Path("runs") / where)
    for top in tries:
        found = [p.parent for way in ("", "*/", "*/*/") for p in top.glob(f"{way}status.json")]
        flows = [p.parent for way in ("", "*/", "*/*/") for name in SEVERAL for p in top.glob(f"{way}{name}")]
        found = flows + [p for p in found if not any(flow in p.parents for flow in flows)]
        found = [p for p in found if p.name != "latest" or p == top]
        if found:
            return sorted(found, key=touched)[-most:]
    known = [p.name for p in Path("runs").iterdir()] if Path("runs").is_dir() else []
    text = (
        "no run was started in ./runs yet" if not where else f"{where}: no run folder, and no job in ./runs"
    )
    raise JobError(text + nearest(where, known) + "; give a run folder, a name, or a folder of runs")


def read(folder: Path, queue: Queue = None) -> dict[str, Any]:
    """status.json of a run with what it cannot know itself: an error on another rank, silence, Slurm's state.

    queue : {job: (state, script)} of Slurm, None where it is not known. What cannot be read is a run that is
    lost: it is named, and hides no other.
    """
    try:
        return _judged(folder, facts(_text(folder / "status.json")), queue)
    except Exception as e:  # the file may hold anything
        why = f"status.json cannot be read: {shown(e, 200) or type(e).__name__}"
        return {"folder": str(folder), "state": "lost", "message": why}


def _judged(folder: Path, status: dict[str, Any], queue) -> dict[str, Any]:
    if status.get("state") not in STATES:
        raise ValueError("it names no state of a run")
    status |= {"folder": str(folder), "slurm": (queue or {}).get(status.get("slurm_job", ""), ("", ""))[0]}
    end = _first_end(folder) or {}
    if end or status["state"] in OVER:
        return {**status, **end}
    why = _lost(status, queue)
    if why and (folder / "result.h5").is_file():  # written whole, or not at all
        why += "; its result.h5 stands, what comes after it may be missing"
    return {**status, "state": "lost", "message": why} if why else status


def facts(text: str) -> dict[str, Any]:
    """A JSON object, without those of the known facts that are not of their kind. Errors: ValueError."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    for kind, names in KINDS.items():
        for name in [n for n in names if n in found and not _fits(found[n], kind)]:
            del found[name]
    return found


def _fits(value: Any, kind: type) -> bool:
    if kind is float:
        return type(value) in (int, float) and abs(value) < 1e12  # no NaN
    return type(value) is kind and (kind is str or abs(value) < 2**31)


def _text(path: Path) -> str:
    """The end of an ordinary file. Errors: OSError."""
    return tail(path, LARGEST).decode("utf-8", "replace")


def over(status: dict[str, Any]) -> bool:
    """Has the run ended, well or not?"""
    return status["state"] in (*OVER, "lost")


def table(found: list[dict[str, Any]]) -> list[str]:
    """The header and one line for each run; what went wrong stands below its line."""
    rows = [tuple(COLUMNS), *(_cells(s) for s in found)]
    wide = [max(least, *(len(row[i]) for row in rows)) for i, least in enumerate(COLUMNS.values())]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, wide)).rstrip() for row in rows]
    out = lines[:1]
    for line, status in zip(lines[1:], found):
        said = (status.get("message") or status.get("reason", "")).splitlines()
        out += [line, *(f"    {shown(text, 600)}" for text in said[:3])]
    return out


def _cells(s: dict[str, Any]) -> tuple[str, ...]:
    """The texts of a line"""
    live = not over(s)
    code = f" ({s['code']})" if s["state"] in ("failed", "stopped") and "code" in s else ""
    rate = f"{s['rate']:.3g}/s" if "rate" in s else ""
    return (
        "  " * s.get("indent", 0) + shown("/".join(Path(s["folder"]).absolute().parts[-2:]), 200),
        s["state"] + code + (f", {s['verdict']}" if "verdict" in s and s["state"] == "done" else ""),
        _counted(s),
        s.get("counted") or figure(s),
        rate,
        span(s["eta"]) if live and "eta" in s else "",
        str(s.get("ranks", "")),
        shown(" ".join(filter(None, (s.get("slurm_job", ""), s.get("slurm", "")))), 80),
    )


def figure(s: dict[str, Any]) -> str:
    """The figure that tells most of the iterations: the likelihood, else R; the error, which is another thing
    of each engine, where there is nothing else."""
    return next((f"{name} {s[name]:.4g}" for name in ("llk", "R", "error") if name in s), "")


def _counted(s: dict[str, Any]) -> str:
    """How many iterations are done, or items of the step at work"""
    done, all_ = ("items_done", "items") if "items_done" in s else ("iteration", "iterations")
    return f"{s[done]}/{s.get(all_, '?')}" if done in s else ""


def span(seconds: float) -> str:
    """A time to wait: 45 s, 3 min 20 s, 2 h 5 min."""
    s = max(0, round(seconds))
    if s < 60:
        return f"{s} s"
    return f"{s // 60} min {s % 60} s" if s < 3600 else f"{s // 3600} h {s % 3600 // 60} min"


def _first_end(folder: Path) -> dict[str, Any] | None:
    """The first end that a rank wrote since the run began: the cause; what follows are its effects"""
    try:
        lines = _text(folder / "events.jsonl").split("\n")
    except (OSError, ValueError):
        return None
    first = None
    for event in filter(None, map(_event, lines)):
        if event.get("event") == "begin":
            first = None
        elif event.get("event") == "end" and first is None and event.get("state") in OVER:
            who = f"rank {event['rank']} on {event.get('host', '?')}: " if event.get("rank") else ""
            first = {"state": event["state"], "code": event.get("code", 1)}
            first["message"] = who + event.get("message", "")
    return first


def _event(line: str) -> dict | None:
    try:
        return facts(line)
    except (ValueError, RecursionError):
        return None  # cut short by a full disk, or not ours


def _lost(status: dict[str, Any], queue: dict[str, str] | None) -> str:
    """Why a run that says it lives is thought to be dead; "" when it lives"""
    job = status.get("slurm_job", "")
    silent = _age(status.get("heartbeat", ""))
    if queue is not None and job and job not in queue and silent > 5:
        return f"Slurm job {job} is no longer in the queue"
    if status["state"] == "waiting":
        return ""
    if status.get("host") == socket.gethostname() and not _alive(status.get("pid", 0)):
        return f"process {status.get('pid')} on this host is gone: killed, or out of memory"
    if silent > SILENT:
        since = f"since {span(silent)}" if silent < math.inf else "at any time that can be read"
        return f"no sign of life from {status.get('host')} {since}"
    return ""


def _alive(pid: int) -> bool:
    try:
        if pid > 0:  # 0 and less are groups of processes
            os.kill(pid, 0)
        return pid > 0
    except ProcessLookupError:
        return False
    except PermissionError:
        return True


def _age(text: str) -> float:
    """Seconds since a time that `events.now` wrote; infinite where it is none"""
    try:
        then = datetime.datetime.fromisoformat(text)
        return (datetime.datetime.now(datetime.UTC) - then).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return math.inf


def touched(folder: Path) -> float:
    """When its status was written last, a workflow begun; 0 where it has none."""
    for name in ("status.json", "workflow.json"):
        with contextlib.suppress(OSError):
            return (folder / name).stat().st_mtime
    return 0.0
