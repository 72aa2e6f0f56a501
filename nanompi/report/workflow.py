"""How a workflow stands: its stages and their items, from workflow.json and what the runs of the items wrote.

A sweep (settings.json) is told in the same way: one stage without a name, whose items are the settings.

Nothing is written for this alone. An item is done when its outcome says so and its result is there; whether
tasks of a stage still wait is asked of Slurm, which knows each job by its script, STAGE/stage.sbatch.
"""

import json
import math
import os
import re
import shlex
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from nanompi.errors import JobError, nearest, shown
from nanompi.io.ordinary import whole
from nanompi.report import sources, status
from nanompi.report.status import OVER, SILENT, Queue

FILE, SCRIPT = "workflow.json", "stage.sbatch"
SWEEP, ARRAY = "settings.json", "sweep.sbatch"  # the same of a sweep
LARGEST = 64 << 20  # bytes of workflow.json
SOON = 10.0  # seconds that a workflow may take to begin, or to come into the queue
NAMED = 5  # missing items that a message names
GONE = {"state": "failed", "message": "it was done, but its result.h5 is gone"}
KINDS = ("done", "failed", "working", "waiting")  # of items that are counted
_NAME = re.compile(r"\w[\w.+=-]{0,200}")


def is_workflow(folder: Path) -> bool:
    """Is this the folder of a workflow?"""
    return (folder / FILE).is_file()


def is_sweep(folder: Path) -> bool:
    """Is this the folder of a sweep?"""
    return (folder / SWEEP).is_file() and not is_workflow(folder)


def read(folder: Path, queue: Queue = None) -> dict[str, Any]:
    """How a workflow stands, JSON-able; one that cannot be read is lost, and hides no other.

    queue : as `nanompi.report.status.read` wants it
    Gives folder, name, state, code, message, again (the command that takes up what is missing, "" for none),
    submitted (to Slurm?), done and items (how many), and stages: of each name, needs, state, message (why it
    cannot go on), missing (which items, and why), slurm, enough (for the others?), the counts done, failed,
    working and waiting, and items: of each name, values, chunk, state, code, message.
    """
    try:
        head = _head_of_sweep(folder) if is_sweep(folder) else _head(folder)
        return _told(folder, head, _stages(folder, head, queue))
    except Exception as e:  # the file may hold anything
        file = SWEEP if is_sweep(folder) else FILE
        why = f"{file} cannot be read: {shown(e, 200) or type(e).__name__}"
        head = {"folder": str(folder), "name": folder.name, "state": "lost", "code": 1, "message": why}
        return {**head, "again": "", "submitted": False, "done": 0, "items": 0, "stages": []}


def standing(folder: Path, queue: Queue = None) -> dict[str, Any]:
    """How a workflow or a sweep stands, or a run (`nanompi.report.status.read`)."""
    several = is_workflow(folder) or is_sweep(folder)
    return read(folder, queue) if several else status.read(folder, queue)


def flat(found: list[dict[str, Any]], most: int = 20) -> list[dict[str, Any]]:
    """The lines of a table of runs: below a workflow its stages, below these what works or has failed."""
    return [line for one in found for line in (_lines(one, most) if "stages" in one else [one])]


def counted(stage: dict[str, Any]) -> str:
    """What there is to say beside how many are done: "3 failed, 2 at work"."""
    words = {"failed": "failed", "working": "at work"}
    return ", ".join(f"{stage[kind]} {word}" for kind, word in words.items() if stage[kind])


def part_code(found: dict[str, Any], stage: str, chunk: int | None = None) -> int:
    """The exit code of a part of a workflow, as `nanompi resume` has it; 75 where it was stopped in time.

    Errors: JobError where there is no such stage.
    """
    names = [one["name"] for one in found.get("stages", ())]
    if stage not in names:
        raise JobError(f'{found["folder"]}: there is no stage "{stage}"{nearest(stage, names)}')
    every = found["stages"][names.index(stage)]["items"]
    items = [item for item in every if chunk in (None, item["chunk"])]
    codes = [item.get("code") or 7 for item in items if item["state"] != "done"]
    if not codes or 75 in codes:
        return 75 if codes else 0
    return codes[0] if len(codes) == len(items) and len(set(codes)) == 1 else 7


def _head(folder: Path) -> dict[str, Any]:
    """What stands in workflow.json. Errors: any."""
    head = json.loads(whole(folder / FILE, LARGEST), parse_constant=_no_number)
    names = [stage["name"] for stage in head["stages"]]
    names += [item["folder"] for stage in head["stages"] for item in stage["items"]]
    if bad := next((name for name in names if not _NAME.fullmatch(name)), None):
        raise ValueError(f"{shown(bad, 80)!r} is no name of a folder")
    return head


def _head_of_sweep(folder: Path) -> dict[str, Any]:
    """The same for a sweep, out of settings.json. Errors: any."""
    head = json.loads(whole(folder / SWEEP, LARGEST), parse_constant=_no_number)
    items = [{**one, "chunk": one["number"]} for one in head["settings"]]
    if bad := next((one["folder"] for one in items if not _NAME.fullmatch(one["folder"])), None):
        raise ValueError(f"{shown(bad, 80)!r} is no name of a folder")
    return {"name": head["name"], "stages": [{"name": "", "needs": {}, "items": items}]}


def _no_number(word: str):
    raise ValueError(f"{word} is no number")


def _stages(folder: Path, head: dict[str, Any], queue: Queue) -> list[dict[str, Any]]:
    """Each stage with its items and their state"""
    out: list[dict[str, Any]] = []
    old = _Old(folder, head)
    for stage in head["stages"]:
        items = [
            old.seen(stage, k, _item(folder / stage["name"], one, queue))
            for k, one in enumerate(stage["items"])
        ]
        counts = {kind: sum(_kind(one) == kind for one in items) for kind in KINDS}
        one = {"name": stage["name"], "needs": {k: float(v) for k, v in stage["needs"].items()}, **counts}
        tasks = _tasks(folder / stage["name"] / (SCRIPT if stage["name"] else ARRAY), queue)
        one |= {"items": items, "slurm": _queued(tasks)}
        one["enough"] = _enough(stage["name"], head, one)
        one["state"], one["message"] = _state(one, out, partial(_quiet, folder, stage["name"], queue))
        one["missing"] = missing(one, "" if one["state"] in OVER else "failed")
        out.append(one)
    return out


class _Old:
    """Which items are to be made anew, as what they were made from is not all that is there now."""

    def __init__(self, folder: Path, head: dict[str, Any]):
        self.now = cache(sources.identity)
        self.paths = {
            stage["name"]: [folder / stage["name"] / item["folder"] for item in stage["items"]]
            for stage in head["stages"]
        }

    def seen(self, stage: dict[str, Any], place: int, item: dict[str, Any]) -> dict[str, Any]:
        """An item as `_item` gives it; one that is done and out of date waits, with the reason in `old`."""
        if item["state"] != "done":
            return item
        own, needs = self.paths[stage["name"]], {name: self.paths[name] for name in stage["needs"]}
        chained = (own[place] / "job.after.yaml").is_file()
        chunk = [p for p, one in zip(own[:place], stage["items"]) if int(one["chunk"]) == item["chunk"]]
        around = sources.Around(needs, chunk[::-1] if chained else [])
        why = sources.outdated(own[place], around, self.now)
        told = {"state": "waiting", "message": f"to be made anew: {why}", "old": True}
        return item | told if why else item


def _enough(name: str, head: dict[str, Any], one: dict[str, Any]) -> bool:
    """Are as many items of a stage there as all others want; of one that nobody wants, all?"""
    shares = [float(own["needs"][name]) for own in head["stages"] if name in own["needs"]]
    return enough(one["done"], len(one["items"]), max(shares, default=1.0))


def enough(done: int, total: int, share: float) -> bool:
    """Is that share of the items there?"""
    return done >= share * total - 1e-9


def _tasks(script: Path, queue: Queue) -> list[str]:
    """States of the tasks of a stage that are in the queue"""
    return list(tasks_of(script, queue or {}).values())


def tasks_of(script: Path, queue: dict[str, tuple[str, str]]) -> dict[str, str]:
    """{job: state} of what is in the queue of a script, by whichever links it was named."""
    own = os.path.realpath(script)
    return {
        job: state
        for job, (state, file) in queue.items()
        if Path(file).name == script.name and os.path.realpath(file) == own
    }


def _queued(tasks: list[str]) -> str:
    """ "3 PENDING (Priority), 2 RUNNING" """
    return ", ".join(f"{tasks.count(state)} {state}" for state in dict.fromkeys(tasks))


def _item(stage: Path, item: dict[str, Any], queue: Queue) -> dict[str, Any]:
    """One item: name, values, state, and what is known of how it ended or how far it is"""
    path = stage / item["folder"]
    out = {"name": item["folder"], "values": dict(item["values"]), "chunk": int(item["chunk"])}
    found = _outcome(path)
    now = _run(path, queue)
    if found.get("code") == 0:
        there = (path / "result.h5").is_file()
        return {**out, **({**_figures(now), "state": "done", "code": 0} if there else GONE)}
    if found and (not now or now["state"] in (*OVER, "waiting")):
        stopped = found["code"] == 75
        return {**out, "state": "stopped" if stopped else "failed", "code": found["code"],
                "message": shown(found.get("message", ""), 500)}  # fmt: skip
    return {**out, **now} if now else {**out, "state": "waiting"}


def _outcome(path: Path) -> dict[str, Any]:
    """What is noted of the end of an item; {} where it has not ended"""
    try:
        found = json.loads(whole(path / "outcome.json", 1 << 20))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and type(found.get("code")) is int else {}


def _figures(run: dict[str, Any]) -> dict[str, Any]:
    """What a run that is done found"""
    return {
        name: run[name] for name in ("error", "R", "llk", "verdict", "iteration", "iterations") if name in run
    }


def _run(path: Path, queue: Queue) -> dict[str, Any]:
    """How far the run of an item is; {} where it was never begun"""
    if not (path / "status.json").is_file():
        return {}
    found = status.read(path, queue)
    known = ("state", "code", "message", "step", "engine", "iteration", "iterations", "items_done")
    known += ("rate", "eta", "ranks", "slurm_job", "verdict", "error", "R", "llk")
    own = {name: found[name] for name in known if name in found}
    return own | ({"of": found["items"]} if "items" in found else {})


def _kind(item: dict[str, Any]) -> str:
    """One of KINDS"""
    state = item["state"]
    if state in ("done", "waiting"):
        return state
    return "failed" if state in ("failed", "lost") else "waiting" if state == "stopped" else "working"


def _state(one: dict, before: list[dict], quiet: Callable[..., str]) -> tuple[str, str]:
    """State of a stage, and why it cannot go on, "" where it can. before : the stages before it"""
    if one["done"] == len(one["items"]) and not one["slurm"]:  # its last task may still write the page
        return "done", ""
    going = "working" if one["done"] or one["failed"] else "waiting"
    if one["working"] or one["slurm"]:
        return ("working" if one["working"] else going), ""
    if (old := [item for item in one["items"] if item.get("old")]) and quiet(0.0):
        return "stopped", f"{old[0]['name']} is {old[0]['message']}"
    if not one["waiting"]:
        return ("done" if one["enough"] else "failed"), ""
    if found := _blocked(one, before):
        return found
    if all(other["state"] in OVER for other in before) and (why := quiet()):
        return "stopped", why
    return going, ""


def _blocked(one: dict, before: list[dict]) -> tuple[str, str] | None:
    """State of a stage that cannot begin as things stand, and why; None where it can"""
    for other in before:
        share, total = one["needs"].get(other["name"]), len(other["items"])
        if share is None or other["state"] not in OVER or enough(other["done"], total, share):
            continue
        why = f"it needs {100 * share:g} % of {other['name']}: {other['done']} of {total} are there"
        return ("stopped" if other["state"] == "stopped" else "failed"), why
    return None


def missing(one: dict[str, Any], kind: str = "") -> str:
    """Which items of a stage are not there, and why: "2 of 30 are missing: 0003-scan=3 (exit code 5: ...)".

    kind : only those of this kind, "" where there are none
    """
    own = [item for item in one["items"] if (_kind(item) == kind if kind else item["state"] != "done")]
    if not own:
        return ""
    names = [item["name"] + _why(item) for item in own[:NAMED]]
    more = f" and {len(own) - NAMED} more" if len(own) > NAMED else ""
    return f"{len(own)} of {len(one['items'])} {kind or 'are missing'}: {', '.join(names)}{more}"


def _why(item: dict[str, Any]) -> str:
    why = item.get("message", "").partition("\n")[0]
    code = f"exit code {item['code']}" if item.get("code") else item["state"]
    return f" ({code}: {shown(why, 120)})" if why else f" ({code})"


def _quiet(folder: Path, name: str, queue: Queue, soon: float = SOON) -> str:
    """Why nobody works on a stage that has items left; "" where somebody may."""
    if _held(folder) or _held(folder / name):
        return ""
    scripts = [_age(file) for file in (*folder.glob(f"*/{SCRIPT}"), *folder.glob(ARRAY))]
    if not scripts:
        return "nobody works on it" if _age(folder / FILE) > soon else ""
    return "it is not in the queue" if queue is not None and min(scripts) > soon else ""


def _held(folder: Path) -> bool:
    """Is there a process that has the folder (`nanompi.run.lock`) and gives signs of life?"""
    for lock in folder.glob(".lock-*"):
        try:
            if _age(lock) < SILENT and not json.loads(whole(lock, 4096)).get("free"):
                return True
        except (OSError, ValueError, RecursionError, AttributeError):
            continue
    return False


def _age(file: Path) -> float:
    """Seconds since a file was written; infinite where there is none"""
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return math.inf


def _told(folder: Path, head: dict[str, Any], stages: list[dict[str, Any]]) -> dict[str, Any]:
    """The workflow as a whole"""
    state = _whole([one["state"] for one in stages])
    swept = is_sweep(folder)
    submitted = any((folder / one["name"] / (ARRAY if swept else SCRIPT)).is_file() for one in stages)
    left = any(one["done"] < len(one["items"]) for one in stages) and state in OVER
    verb = "sweep --resume" if swept else "submit" if submitted else "resume"
    again = f"nanompi {verb} {shlex.quote(str(folder))}"
    told = [(one["name"], one[kind]) for one in stages for kind in ("message", "missing") if one[kind]]
    why = [f"{name}: {words}" if name else words for name, words in told]
    out = {"folder": str(folder), "name": shown(head["name"], 200), "state": state, "code": 7 * left}
    out |= {"message": "\n".join(why), "again": again if left else ""}
    out |= {"submitted": submitted, "done": sum(one["done"] for one in stages)}
    return out | {"items": sum(len(one["items"]) for one in stages), "stages": stages}


def _whole(states: list[str]) -> str:
    """State of all stages together"""
    if "working" in states:
        return "working"
    if "waiting" in states:  # the stages before it are over, or wait as well
        return "working" if "done" in states else "waiting"
    return next((state for state in ("failed", "stopped") if state in states), "done")


def _lines(one: dict[str, Any], most: int) -> Iterator[dict[str, Any]]:
    """A workflow, its stages, and of each up to `most` items that work or have failed"""
    if not one["stages"]:
        yield {"folder": one["folder"], "state": one["state"], "message": one["message"]}
        return
    head = {"folder": one["folder"], "state": one["state"], "items_done": one["done"], "items": one["items"]}
    yield head | {"message": f"to take up what is missing: {one['again']}" if one["again"] else ""}
    for stage in one["stages"]:
        if not stage["name"]:  # a sweep: each setting that was begun has a line
            yield from _runs(
                one["folder"], [item for item in stage["items"] if item["state"] != "waiting"], most
            )
            continue
        own = {"folder": f"{one['folder']}/{stage['name']}", "state": stage["state"], "slurm": stage["slurm"]}
        own |= {"items_done": stage["done"], "items": len(stage["items"]), "message": stage["message"]}
        yield own | {"indent": 1, "counted": counted(stage)}
        busy = [item for item in stage["items"] if _kind(item) in ("failed", "working")]
        yield from _runs(own["folder"], busy, most, 2)


def _runs(folder: str, items: list[dict[str, Any]], most: int, indent: int = 1) -> Iterator[dict[str, Any]]:
    """A line for each of up to `most` items in a folder"""
    for item in items[:most]:
        run = {key: value for key, value in item.items() if key not in ("name", "values", "chunk", "of")}
        run |= {"items": item["of"]} if "of" in item else {}
        yield run | {"folder": f"{folder}/{item['name']}", "indent": indent}
    if len(items) > most:
        yield {"folder": folder, "state": "", "message": f"and {len(items) - most} more", "indent": indent}
