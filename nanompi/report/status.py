"""How runs stand, from status.json, events.jsonl and Slurm's queue: found, judged, and as a table."""

import datetime
import json
import os
import socket
from pathlib import Path
from typing import Any

from nanompi.errors import JobError, nearest
from nanompi.events import OVER

SILENT = 60.0  # seconds without a sign of life after which a run counts as lost
COLUMNS = {"run": 20, "state": 12, "iteration": 9, "error": 6, "rate": 8, "left": 10, "ranks": 5, "slurm": 0}


def runs(where: str = "", most: int = 20) -> list[Path]:
    """Run folders meant by a run folder, a folder of runs, or the name of a job in ./runs; the newest last.

    Errors: JobError when there is none.
    """
    tries = [Path(where)] if where else []
    tries.append(Path("runs") / where)
    for top in tries:
        found = [p.parent for pattern in ("", "*/", "*/*/") for p in top.glob(f"{pattern}status.json")]
        found = [p for p in found if p.name != "latest" or p == top]
        if found:
            return sorted(found, key=_touched)[-most:]
    known = [p.name for p in Path("runs").iterdir()] if Path("runs").is_dir() else []
    text = (
        "no run was started in ./runs yet" if not where else f"{where}: no run folder, and no job in ./runs"
    )
    raise JobError(text + nearest(where, known) + "; give a run folder, a name, or a folder of runs")


def read(folder: Path, queue: dict[str, str] | None = None) -> dict[str, Any]:
    """status.json of a run with what it cannot know itself: an error on another rank, silence, Slurm's state.

    queue : `nanompi.slurm.queue()`, None where it is not known
    """
    try:
        status = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        return {"folder": str(folder), "state": "lost", "message": f"status.json cannot be read: {e}"}
    status |= {"folder": str(folder), "slurm": (queue or {}).get(status.get("slurm_job", ""), "")}
    if status["state"] in OVER:
        return {**status, **(_first_end(folder) or {})}
    if end := _first_end(folder):
        return {**status, **end}
    why = _lost(status, queue)
    return {**status, "state": "lost", "message": why} if why else status


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
        said = status.get("message", "").splitlines()
        out += [line, *(f"    {text}" for text in said[:3])]
    return out


def _cells(s: dict[str, Any]) -> tuple[str, ...]:
    """The texts of a line"""
    live = not over(s)
    code = f" ({s['code']})" if s["state"] in ("failed", "stopped") and "code" in s else ""
    rate = f"{s['rate']:.3g}/s" if "rate" in s else ""
    return (
        "/".join(Path(s["folder"]).absolute().parts[-2:]),
        s["state"] + code,
        f"{s['iteration']}/{s['iterations']}" if "iteration" in s else "",
        f"{s['error']:.4f}" if "error" in s else "",
        rate,
        span(s["eta"]) if live and "eta" in s else "",
        str(s.get("ranks", "")),
        " ".join(filter(None, (s.get("slurm_job", ""), s.get("slurm", "")))),
    )


def span(seconds: float) -> str:
    """A time to wait: 45 s, 3 min 20 s, 2 h 5 min."""
    s = max(0, round(seconds))
    if s < 60:
        return f"{s} s"
    return f"{s // 60} min {s % 60} s" if s < 3600 else f"{s // 3600} h {s % 3600 // 60} min"


def _first_end(folder: Path) -> dict[str, Any] | None:
    """The first end that a rank wrote since the run began: the cause; what follows are its effects"""
    try:
        lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    first = None
    for event in filter(None, map(_event, lines)):
        if event.get("event") == "begin":
            first = None
        elif event.get("event") == "end" and first is None:
            who = f"rank {event['rank']} on {event['host']}: " if event["rank"] else ""
            first = {"state": event["state"], "code": event["code"], "message": who + event["message"]}
    return first


def _event(line: str) -> dict | None:
    try:
        return json.loads(line)
    except ValueError:
        return None  # cut short by a full disk


def _lost(status: dict[str, Any], queue: dict[str, str] | None) -> str:
    """Why a run that says it lives is thought to be dead; "" when it lives"""
    job = status.get("slurm_job", "")
    silent = _age(status["heartbeat"])
    if queue is not None and job and job not in queue and silent > 5:
        return f"Slurm job {job} is no longer in the queue"
    if status["state"] == "waiting":
        return ""
    if status.get("host") == socket.gethostname() and not _alive(status["pid"]):
        return f"process {status['pid']} on this host is gone: killed, or out of memory"
    if silent > SILENT:
        return f"no sign of life from {status.get('host')} since {span(silent)}"
    return ""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _age(text: str) -> float:
    """Seconds since a time that `events.now` wrote"""
    return (datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(text)).total_seconds()


def _touched(folder: Path) -> float:
    try:
        return (folder / "status.json").stat().st_mtime
    except OSError:
        return 0.0
