"""The folder of a workflow: RUNS/NAME/workflow-0001/ptycho/0003-scan=1003/ ... each item a run folder.

job.yaml             the job file
workflow.json        its stages in order: name, needs, group, at_once, slurm, and of each item number, folder,
                     values and chunk
STAGE/items.json     the items of a stage, for the reader of a later one
STAGE/NNNN-.../      job.resolved.yaml from the beginning; outcome.json when it has run
                     job.after.yaml and job.alone.yaml where it begins with what the item before it has made:
                     its job with `{previous}`, and without what stands on it
                     made.from.json: the results of other items that it was made from (nanompi.report.sources)

Nothing else is kept: what is done is seen by the folders of the items (`read`).
"""

import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanompi.errors import DataError, JobError
from nanompi.io.atomic import new_file, own_folder, write_text
from nanompi.io.hdf5 import foreign
from nanompi.job import yaml12
from nanompi.job.folder import numbered, point, refuse_changed, writing
from nanompi.job.identity import same_job, sealed
from nanompi.job.text import read_text
from nanompi.report.sources import Around, outdated
from nanompi.workflow.task import Task

NAME = re.compile(r"[A-Za-z_][\w-]*")
ITEM = re.compile(r"[0-9]{4,}(-[\w.+=-]*)?")
AFTER, ALONE = "job.after.yaml", "job.alone.yaml"
ANOTHER = "leave --folder out; `--reuse` with this folder takes over what did not change"


@dataclass
class StageFolder:
    """A stage on the disk. needs : {stage: share}; tasks : its items; chunks : of each its number"""

    name: str
    path: Path
    needs: dict[str, float]
    tasks: list[Task]
    chunks: list[int]
    group: int | None = None
    at_once: int | None = None
    slurm: dict[str, Any] = field(default_factory=dict)

    def chunk(self, number: int) -> list[Task]:
        """The items of a chunk, in order."""
        return [task for task, own in zip(self.tasks, self.chunks) if own == number]

    def numbers(self) -> list[int]:
        """The numbers of the chunks."""
        return list(dict.fromkeys(self.chunks))

    def missing(self) -> list[Task]:
        """The items without a result."""
        return [task for task in self.tasks if not task.done()]

    def before(self, task: Task) -> list[Task]:
        """The items before one in its chunk, the nearest first."""
        place = self.tasks.index(task)
        return [t for t, own in zip(self.tasks[:place], self.chunks) if own == self.chunks[place]][::-1]


@dataclass
class WorkflowFolder:
    """A workflow on the disk: its stages in the order in which they run."""

    path: Path
    name: str
    stages: list[StageFolder]

    def stage(self, name: str) -> StageFolder:
        """The stage of a name. Errors: JobError naming those that there are."""
        from nanompi.errors import nearest

        found = next((one for one in self.stages if one.name == name), None)
        if found is None:
            names = [one.name for one in self.stages]
            text = (
                f'{self.path}: there is no stage "{name}"{nearest(name, names)}; allowed: {", ".join(names)}'
            )
            raise JobError(text)
        return found

    def around(self, stage: StageFolder, task: Task) -> Around:
        """What an item can be made from."""
        needed = {name: [one.path for one in self.stage(name).tasks] for name in stage.needs}
        chained = (task.path / AFTER).is_file()
        return Around(needed, [one.path for one in stage.before(task)] if chained else [])

    def outdated(self, stage: StageFolder, task: Task) -> str:
        """Why an item with a result is to be made anew; "" for one that is not, or has none."""
        return outdated(task.path, self.around(stage, task)) if task.done() else ""

    def left(self, stage: StageFolder) -> list[Task]:
        """The items to run as things are: those without a result, and those to be made anew."""
        return [task for task in stage.tasks if not task.done() or self.outdated(stage, task)]


def read(path: Path) -> WorkflowFolder:
    """The workflow in a folder; how its items ended, each says (`Task.outcome`). Errors: DataError."""
    path = Path(path)
    with foreign(f"{path}: this is not the folder of a workflow: workflow.json"):
        head = json.loads(read_text(str(path / "workflow.json")))
        stages = [_stage(path, one) for one in head["stages"]]
        if not stages or not isinstance(head["name"], str):
            raise DataError(f"{path}/workflow.json: it has no stages")
        return WorkflowFolder(path, head["name"], stages)


def _stage(path: Path, one: dict) -> StageFolder:
    names, where = [item["folder"] for item in one["items"]], path / str(one["name"])
    fits = NAME.fullmatch(one["name"]) and names and all(ITEM.fullmatch(name) for name in names)
    numbers = [item["number"] for item in one["items"]]
    if not fits or numbers != list(range(len(names))):
        raise DataError(f"{path}/workflow.json: the items of a stage are not those of a workflow")
    tasks = [Task(item["number"], where / item["folder"], dict(item["values"])) for item in one["items"]]
    chunks, needs = [int(item["chunk"]) for item in one["items"]], dict(one["needs"])
    return StageFolder(one["name"], where, needs, tasks, chunks, one["group"], one["at_once"], one["slurm"])


def create(workflow, runs: str = "", folder: str = "") -> Path:
    """Make the folder of a workflow (the next workflow-NNNN, or `folder`, which may hold it already).

    workflow : nanompi.job.stages.Workflow. Rank 0 only. Errors: ResourceError; JobError for another one there
    """
    parent = Path(runs or workflow.output.folder) / workflow.name
    with writing(Path(folder or parent)):
        path = Path(folder) if folder else numbered(parent, "workflow")
        path.mkdir(parents=True, exist_ok=True)
        head, text = _head(path, workflow), _text(path, workflow)
        write_text(path / "job.yaml", text)
        for stage in workflow.stages:
            _write_stage(path, stage, workflow, text)
        with new_file(path / "workflow.json") as file:  # the last: it says that all the others are there
            file.write(json.dumps(head, indent=1).encode())
        if not folder:
            point(parent / "latest", path.name)
    return path


def foreseen(workflow, path: Path) -> WorkflowFolder:
    """A checked workflow as it would stand in a folder that is not there yet."""
    return WorkflowFolder(path, workflow.name, [_stage(path, one) for one in _facts(workflow)["stages"]])


def remove(folder: WorkflowFolder):
    """Take away the folder of a workflow that came to nothing, and the link to it."""
    latest = folder.path.parent / "latest"
    shutil.rmtree(folder.path, ignore_errors=True)
    if latest.is_symlink() and not latest.exists():
        latest.unlink(missing_ok=True)


def _text(path: Path, workflow) -> str:
    """The job file of the workflow: that with which it was begun, where other words ask for the same."""
    if not (path / "job.yaml").is_file():
        return workflow.text
    return read_text(str(path / "job.yaml"))


def _facts(workflow) -> dict:
    """What stands in workflow.json"""
    stages = [
        {
            "name": stage.name,
            "needs": stage.needs,
            "group": stage.group,
            "at_once": stage.at_once,
            "slurm": stage.slurm,
            "items": [
                {"number": item.number, "folder": item.name, "values": item.values, "chunk": item.chunk}
                for item in stage.items
            ],
        }
        for stage in workflow.stages
    ]
    return json.loads(json.dumps({"name": workflow.name, "stages": stages}))


def _head(path: Path, workflow) -> dict:
    """What will stand in workflow.json. Errors: JobError where something else is in the folder."""
    head = _facts(workflow)
    file = path / "workflow.json"
    if file.exists():
        with foreign(f"{file}"):
            if json.loads(read_text(str(file))) != head:
                raise JobError(f"--folder {path}: another workflow is there; {ANOTHER}")
    elif _text(path, workflow) != workflow.text or not _begun(path):
        raise JobError(f"--folder {path}: it is not empty and holds no workflow; name a new folder")
    return head


def _begun(path: Path) -> bool:
    """Is the folder empty, or was a workflow begun in it?"""
    return (path / "job.yaml").is_file() or all(p.name.startswith(".") for p in path.iterdir())


def _write_stage(path: Path, stage, workflow, text: str):
    from nanompi.job.stages import write_items

    write_items(path, stage)
    for item in stage.items:
        own = path / stage.name / item.name
        texts = {"job.resolved.yaml": item.job}
        if item.alone:
            texts |= {AFTER: item.job, ALONE: item.alone}
        own_folder(own)
        for name, job in texts.items():
            _write_job(own / name, placed(job.resolved, workflow.folder, str(path.absolute())), text)


def _write_job(file: Path, resolved: dict, text: str):
    """Write the job of an item; one that is there must be the same. Errors: JobError."""
    if not file.exists():
        return write_text(file, sealed(yaml12.write(resolved), text))
    if file.name != "job.resolved.yaml" or not (file.parent / AFTER).exists():  # that one is as it was run
        if not same_job(read_text(str(file)), resolved):
            raise JobError(f"{file}: the workflow was begun with other values; for a changed one {ANOTHER}")


def placed(value, folder: str, path: str):
    """The same values with the folder of the workflow in place of the one that stood for it."""
    if isinstance(value, dict):
        return {key: placed(one, folder, path) for key, one in value.items()}
    if isinstance(value, list):
        return [placed(one, folder, path) for one in value]
    return value.replace(folder, path) if isinstance(value, str) else value


def job_of(folder: WorkflowFolder, stage: StageFolder, task: Task):
    """The job of an item as it is to be run now: after the nearest item of its chunk that has a result.

    Errors: JobError, DataError for what it names and is not there; ResourceError where it was changed by hand
    """
    from nanompi.job.job import read_job

    file, text = task.path / "job.resolved.yaml", read_text(str(folder.path / "job.yaml"))
    if not file.is_file():
        again = f"nanompi run {folder.path}/job.yaml --folder {folder.path}"
        raise JobError(f"{file}: the job of the item is gone; from the folder where it was begun: {again}")
    if (task.path / AFTER).is_file():
        before = stage.before(task)
        done = next((t for t in before if t.done()), None)
        source = task.path / (AFTER if done else ALONE)
        _checked(source, text)
        values = yaml12.reread(read_text(str(source)))
        if done:
            values = placed(values, str(before[0].path.absolute()), str(done.path.absolute()))
        with writing(task.path):
            write_text(file, sealed(yaml12.write(values), text))
    _checked(file, text)
    job = read_job(str(file))
    job.text = text
    return job


def _checked(file: Path, text: str):
    refuse_changed(file.parent, read_text(str(file)), text)
