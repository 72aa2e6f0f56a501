"""Items that another workflow has done: those of the same name whose jobs ask for the same are taken over.

A workflow that was changed gets a folder of its own; what the change does not touch need not be done again.
Jobs are compared with the folder of the new workflow in place of that of the old one. What an item was made
from must have been taken over, too, and files that its job names must be older than its result.
Results, which are never written again but under a new name, are links where the disk can.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from nanompi.io.atomic import write_text
from nanompi.job import yaml12
from nanompi.job.faults import Faults
from nanompi.job.folder import writing
from nanompi.job.identity import same_job, sealed
from nanompi.job.text import read_text
from nanompi.report.sources import FILE, every_text, identity
from nanompi.workflow.stages.folder import AFTER, ALONE, StageFolder, WorkflowFolder, placed, read
from nanompi.workflow.task import Task

RUN, JOB, ENDED = "job.resolved.yaml", "job.yaml", "outcome.json"
OWN = {RUN, JOB, AFTER, ALONE, ENDED}  # files of an item that are not taken as they are


def take_over(new: WorkflowFolder, old: WorkflowFolder) -> list[str]:
    """Give items of `new` the results that `old` has of them (rank 0); lines that say how many, and which
    files have changed. Errors: ResourceError."""
    known = {(stage.name, task.path.name): (stage, task) for stage in old.stages for task in stage.tasks}
    lines = []
    for stage in new.stages:
        taken, newer = 0, set()
        for task in stage.tasks:
            there = known.get((stage.name, task.path.name))
            if task.done() or not there or not there[1].done() or old.outdated(*there):
                continue
            values, before = _asked_alike(old, there[1], new, task), there[1]
            if values is None or not _sources_are_there(new, stage, before):
                continue
            files = _newer(values, before)
            newer.update(files)
            if not files:
                _take(before.path, task.path, old, new)
                taken += 1
        lines.append(f"{stage.name}: {taken} of {len(stage.tasks)} items are those of {old.path}")
        lines += [f"{stage.name}: {file} has changed since: made anew" for file in sorted(newer)]
    return lines


def workflow_of(name: str) -> WorkflowFolder:
    """The workflow in a folder, or of a link to it such as runs/NAME/latest, by the path that its jobs have.
    Errors: DataError."""
    path = Path(name)
    return read(path.parent / os.readlink(path) if path.is_symlink() else path)


def _asked_alike(old: WorkflowFolder, before: Task, new: WorkflowFolder, task: Task) -> dict | None:
    """The values of the job of an item as the new workflow has them; None where they are others."""
    name = AFTER if (task.path / AFTER).is_file() else RUN
    if not (before.path / name).is_file():
        return None
    values = _moved(before.path / name, old, new)
    return values if same_job(read_text(str(task.path / name)), values) else None


def _moved(file: Path, old: WorkflowFolder, new: WorkflowFolder) -> dict[str, Any]:
    """A job of the old workflow, with the folder of the new one in it"""
    values = yaml12.plain(yaml12.read(read_text(str(file)), str(file), Faults())[0])
    return placed(values, str(old.path.absolute()), str(new.path.absolute()))


def _sources_are_there(new: WorkflowFolder, stage: StageFolder, before: Task) -> bool:
    """Was all that an item was made from taken over, and is there no more now?"""
    try:
        note = json.loads(read_text(str(before.path / FILE)))
    except FileNotFoundError:
        return True
    stages = {one.name: one.tasks for one in new.stages}
    for name, made in note["stages"].items():
        items = {task.path.name: task.path for task in stages.get(name, ())}
        if made["whole"] and set(items) != set(made["items"]):
            return False
        if any(identity(items.get(one, Path())) != was for one, was in made["items"].items()):
            return False
    return all(identity(stage.path / one) == was for one, was in note["previous"].items())


def _newer(values: dict, before: Task) -> list[str]:
    """Files that a job names, other than results of the workflow, which were written after it had ended."""
    ended, out = before.outcome()["ended"], []
    for text in every_text(values):
        for name in {text, text.rpartition(":")[0]}:
            if os.path.isabs(name) and os.path.isfile(name) and os.stat(name).st_mtime > ended:
                out.append(name)
    return out


def _take(before: Path, path: Path, old: WorkflowFolder, new: WorkflowFolder) -> None:
    """Files of a run folder into that of the same item; the outcome, which says that it is done, last."""
    text = read_text(str(new.path / JOB))
    with writing(path):
        for one in before.iterdir():
            if one.name in OWN or one.name.startswith((".", "checkpoint")):
                continue
            if one.is_dir():
                shutil.copytree(one, path / one.name, copy_function=_taken, dirs_exist_ok=True)
            else:
                _taken(one, path / one.name)
        if (path / AFTER).is_file():  # the job as it was run
            write_text(path / RUN, sealed(yaml12.write(_moved(before / RUN, old, new)), text))
        if (before / JOB).is_file():
            write_text(path / JOB, text)
        shutil.copy2(before / ENDED, path / ENDED)


def _taken(source, target):
    """A copy; of results, which are large, a link where the disk can."""
    Path(target).unlink(missing_ok=True)
    try:
        (os.link if Path(target).suffix == ".h5" else shutil.copy2)(source, target)
    except OSError:
        shutil.copy2(source, target)
