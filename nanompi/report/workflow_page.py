"""report.html of a workflow: its stages with their progress, a strip of pictures of the items of each with
links to their reports, what is missing and why, and the command that takes it up.
"""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nanompi.io.atomic import complaint, write_text
from nanompi.report.record import record
from nanompi.report.report import page
from nanompi.report.status import OVER, Queue, figure
from nanompi.report.strip import LARGE, SIDE, strip
from nanompi.report.workflow import counted, is_sweep, read
from nanompi.run.status import STATES

COLOURS = ("done", "failed", "stopped", "lost")  # states that have a colour of their own
SHEET = 8 << 20  # bytes of a contact sheet that is shown
LISTED = 500  # items without a result that are listed with their reason


def write(folder: Path, file: Path | None = None, queue: Queue = None) -> Path:
    """Write report.html into the folder of a workflow, or the same into another file; its path.

    queue : `nanompi.cluster.slurm.queue()`, None where it is not known
    Errors: ResourceError where it cannot be written.
    """
    path = file or Path(folder) / "report.html"
    text = page("workflow.html.j2", **_of(Path(folder), path.parent, read(Path(folder), queue)))
    try:
        write_text(path, text)
    except OSError as error:
        raise complaint(path, len(text), error) from error
    return path


def at_the_end(folder: Path, say: Callable) -> None:
    """Write it where the workflow is over; one that cannot be made costs the workflow nothing.

    say : say(text, event, True, **facts)
    """
    try:
        if read(folder)["state"] in OVER:
            path = write(folder)
            say(f"report: {path}", "file", True, path=str(path))
    except Exception as error:
        why = f"there is no report ({type(error).__name__}: {error}); no result is touched by that"
        say(why, "warning", True, text=why)


def label(item: dict[str, Any]) -> str:
    """What tells an item from the others of its stage: "scan=1003"; of the only one "result"."""
    return item["name"].partition("-")[2] or "result"


def pictured(item: dict[str, Any]) -> bool:
    """May an item have a picture, of its result or of how far it is?"""
    return item["state"] == "done" or (item["state"] in STATES and item["state"] not in (*OVER, "waiting"))


def standing(item: dict[str, Any]) -> str:
    """How far an item is, and the figure that tells most: "ML 31/50, llk 1.02"."""
    count = f"{item['iteration']}/{item['iterations']}" if {"iteration", "iterations"} <= set(item) else ""
    where = "" if item["state"] == "done" else " ".join(filter(None, (item.get("engine", ""), count)))
    return ", ".join(filter(None, (where, figure(item))))


def _of(folder: Path, place: Path, now: dict[str, Any]) -> dict[str, Any]:
    """What the page shows. place : folder of the page, from which its links lead"""
    stages = [_stage(folder / one["name"], place, one) for one in now["stages"]]
    return {
        "data": {},
        "now": now,
        "folder": folder.resolve().name,
        "written": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "stages": stages,
        "job": record(folder).job_text,
        "contact": contact(folder),
        "live": is_sweep(folder) and now["state"] not in (*OVER, "lost"),
    }


def contact(folder: Path) -> str:
    """The contact sheet of a sweep that is collected, as data URL; "" where there is none, or a link."""
    file = folder / "contact.png"
    if not file.is_file() or file.is_symlink() or file.stat().st_size > SHEET:
        return ""
    return "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode()


def _stage(folder: Path, place: Path, one: dict[str, Any]) -> dict[str, Any]:
    side = LARGE if len(one["items"]) == 1 else SIDE
    seen = strip([folder / item["name"] for item in one["items"] if pictured(item)], side)
    tiles = [
        {
            "label": label(item),
            "state": item["state"],
            "now": standing(item),
            "src": seen.get(item["name"], ""),
            "link": _link(folder / item["name"] / "report.html", place),
        }
        for item in one["items"]
    ]
    left = [item for item in one["items"] if item["state"] != "done"]
    needs = ", ".join(f"{100 * share:g} % of {name}" for name, share in one["needs"].items())
    return {**one, "tiles": tiles, "counted": counted(one), "wants": needs, "left": left[:LISTED],
            "more": max(0, len(left) - LISTED), "seen": len(seen)}  # fmt: skip


def _link(file: Path, place: Path) -> str:
    """The address of a file below the folder of the page; "" of another, or of none"""
    try:
        inside = file.absolute().relative_to(place.absolute())
    except ValueError:
        return file.absolute().as_uri() if file.is_file() else ""
    return quote(str(inside)) if file.is_file() else ""
