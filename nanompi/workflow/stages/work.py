"""The stages of a workflow in one allocation, one after the other: groups of ranks take their chunks in turn.

What is done is not done again; what is missing, was cut off or failed is. An item that was cut off goes on
from its checkpoint where it has one, else it begins again: the same bits. An error that all ranks of a group
meet ends its item alone; one that strikes a single rank ends all, and `nanompi resume` goes on.
"""

import json
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nanompi.errors import JobError, PartError, Stopped, common
from nanompi.io.atomic import write_text
from nanompi.report import sources
from nanompi.run import notify
from nanompi.run.afterwards import pending
from nanompi.run.life import Ranks
from nanompi.workflow.attempt import attempt, prepared, run_of
from nanompi.workflow.stages import needs
from nanompi.workflow.stages.folder import StageFolder, WorkflowFolder, job_of
from nanompi.workflow.task import Task

TAKEN = ".taken-"  # folder by which groups take chunks
PATIENCE = 60.0  # seconds until a file that another node has written must be seen


@dataclass
class Part:
    """What of a workflow is run: all, a stage, or a chunk of one. Errors: JobError where it is not there."""

    folder: WorkflowFolder
    stage: str = ""
    chunk: int | None = None

    def __post_init__(self):
        known = self.folder.stage(self.stage).numbers() if self.stage else []
        if self.chunk is not None and self.chunk not in known:
            raise JobError(f"--chunk {self.chunk}: {self.stage} has the chunks 0 to {known[-1]}")

    def stages(self) -> list[StageFolder]:
        """Those that are run, in order."""
        return [self.folder.stage(self.stage)] if self.stage else self.folder.stages

    def chunks(self, stage: StageFolder) -> list[int]:
        """The numbers of the chunks that are run."""
        return stage.numbers() if self.chunk is None else [self.chunk]

    def tasks(self, stage: StageFolder) -> list[Task]:
        """The items that are run."""
        return [task for number in self.chunks(stage) for task in stage.chunk(number)]


class Voice:
    """What is told on the screen. style : text; quiet: only what is missing; json: an event in each line"""

    def __init__(self, style: str = "text"):
        self.style = style

    def __call__(self, text: str, event: str, warning: bool = False, /, **facts):
        """One line of text, or an event."""
        if self.style == "json":
            print(json.dumps({"event": event, **facts}), flush=True)
        elif text and (warning or self.style == "text"):
            print(text, flush=True)

    def item(self, stage: StageFolder, task: Task):
        """How an item ended."""
        found = task.outcome()
        facts = {"stage": stage.name, "item": task.path.name, "folder": str(task.path)}
        self(task.line(), "item", found["code"] != 0, **facts, **found)


def perform(ranks: Ranks, begin: Callable[[ExitStack], tuple[Part, str]], voice: Voice):
    """Run a part of a workflow from its folder to how it ended (collective). Errors: see `run` and `end`.

    begin : begin(stack), called by rank 0 alone: the part, and the command that takes up what is missing;
        what it enters into the stack (a lock) is open until the end
    """
    with ExitStack() as stack:
        part, again = ranks.team.on_root(lambda: begin(stack))
        notify.here(part.folder.path)
        with ranks.dog.watching(ranks.team, ranks.clock, None, 0):  # a group may wait long for another
            ran = run(ranks, part, voice)
        ranks.team.on_root(lambda: _close(part, again, voice, ran))


def _close(part: Part, again: str, voice: Voice, ran: bool):
    """The page of a workflow that is over, and how the part ended (rank 0). Errors: see `end`."""
    from nanompi.report.workflow_page import at_the_end

    if ran or any(needs.unmet(part.folder, stage) for stage in part.stages()):
        at_the_end(part.folder.path, voice)
    _tell_old(part, voice)
    end(part, again)


def _tell_old(part: Part, voice: Voice):
    """What of the other stages is to be made anew, as it was made without what the part has now."""
    for stage in part.folder.stages if part.stage else ():
        if stage.name == part.stage or part.stage not in stage.needs:
            continue
        for task in stage.tasks:
            if why := part.folder.outdated(stage, task):
                text = f"{stage.name}/{task.path.name} is to be made anew: {why}"
                voice(text, "warning", True, text=text)


def run(ranks: Ranks, part: Part, voice: Voice) -> bool:
    """Run what is missing of a part of a workflow, if anything is (collective): was anything?

    Errors: Stopped; see `end` for the rest
    """
    ran = False
    for stage in part.stages():
        chunks = ranks.team.on_root(partial(_left, part, stage, voice))
        if chunks:
            _run_stage(ranks, part.folder, stage, chunks, voice)
            ran = True
    return ran


def _left(part: Part, stage: StageFolder, voice: Voice) -> list[list[int]]:
    """Numbers of the items to run, of each chunk with such; what there is to say of it is told (rank 0)."""
    before = [task for name in stage.needs for task in part.folder.stage(name).tasks]
    for task in [*before, *part.tasks(stage)]:
        _accept(task)
    if lines := needs.unmet(part.folder, stage):
        text = f"{stage.name} is not begun: what it needs is missing"
        voice(text, "stage", True, stage=stage.name, begun=False, missing=lines)
        return []
    own = {task.number for task in part.folder.left(stage)}
    chunks = [_from_first([t.number for t in stage.chunk(k)], own) for k in part.chunks(stage)]
    left, whole = sum(k in own for c in chunks for k in c), len(part.tasks(stage))
    done = f", {whole - left} of {whole} are done" if left < whole else ""
    said = f"{stage.name}: {left} item{'s' * (left != 1)}{done}" if left else f"{stage.name}: all is done"
    for line in needs.without(part.folder, stage) if left else ():
        voice(line, "warning", True, text=line)
    voice(said, "stage", stage=stage.name, begun=True, items=left, done=whole - left)
    return [c for c in chunks if c]


def _from_first(chunk: list[int], left: set[int]) -> list[int]:
    """The items of a chunk from the first to run on: what begins with that one may have to be made anew."""
    return chunk[next((place for place, k in enumerate(chunk) if k in left), len(chunk)) :]


def _due(folder: WorkflowFolder, stage: StageFolder, task: Task, voice: Voice) -> bool:
    """Is an item to run now; and if it is made anew, say why (rank 0 of the group)."""
    if not task.done():
        return True
    why = folder.outdated(stage, task)
    if why:
        item = "" if len(stage.tasks) == 1 else f" {task.path.name}"
        text = f"{stage.name}{item}: made anew: {why}"
        voice(text, "anew", True, stage=stage.name, item=task.path.name, reason=why)
    return bool(why)


def _accept(task: Task):
    """A result whose run was ended before its outcome was noted is one: it is not done again. None is that of
    a run which was ended in what follows the result."""
    result = task.path / "result.h5"
    if not result.is_file() or not (task.path / "job.resolved.yaml").is_file():
        return
    if (task.path / "outcome.json").exists() or pending(task.path) or _strict(task):
        return
    with suppress(Exception):
        from nanompi.report.report import write

        write(task.path)
    task.record(0, "", 0.0, {})


def _strict(task: Task) -> bool:
    """Would its job have ended with an error, as the result is not found good (`run.strict`)?"""
    from nanompi.job import yaml12
    from nanompi.job.faults import Faults
    from nanompi.job.text import read_text
    from nanompi.report.status import read

    file = str(task.path / "job.resolved.yaml")
    values, _ = yaml12.read(read_text(file), file, Faults())
    return values["run"]["strict"] and read(task.path).get("verdict") != "good"


def _run_stage(ranks: Ranks, folder: WorkflowFolder, stage: StageFolder, chunks: list, voice: Voice):
    """Run the chunks of a stage by groups of ranks, and wait for all (collective)."""
    team = ranks.team
    n = group_number(team.size, stage, len(chunks))
    group = replace(ranks, team=team.groups(n))
    begun, stopped = [], False
    with _places(team, stage, n) as place:
        try:
            for number in _chunks(group.team, len(chunks), place):
                for k in chunks[number]:
                    _heed(group)
                    if not group.team.on_root(partial(_due, folder, stage, stage.tasks[k], voice)):
                        continue
                    begun.append(k)
                    work = partial(_item, folder, stage, stage.tasks[k])
                    attempt(group, stage.tasks[k], work, partial(voice.item, stage))
        except Stopped:
            stopped = True
        team.rest()
    if team.max(stopped):
        raise common(Stopped(f"stopped by {_signal(ranks)}; go on with: {command(folder.path)}"))
    ended = {k for one in team.allgather(begun) for k in one}
    team.on_root(lambda: _seen([stage.tasks[k] for k in sorted(ended)]))


def group_number(ranks: int, stage: StageFolder, chunks: int) -> int:
    """How many groups: as the stage says how many ranks an item has, and how many run at once."""
    most = min(stage.at_once or chunks, chunks)
    return max(1, min(ranks // min(stage.group or ranks, ranks), most))


def _item(folder: WorkflowFolder, stage: StageFolder, task: Task, ranks: Ranks) -> dict:
    """Run one item; its figures. An error of its job is that of the item."""
    return run_of(ranks, task, partial(_begun, folder, stage, task))


@contextmanager
def _begun(folder: WorkflowFolder, stage: StageFolder, task: Task, vendor: str, hosts: list[str]):
    """The item with the job that it has now, in its folder (rank 0 of the group)."""
    task.job = job_of(folder, stage, task)
    with prepared(task, vendor, hosts) as begun:
        if (around := folder.around(stage, task)).stages or around.before:
            note = sources.made_from(around, task.job.resolved)
            write_text(task.path / sources.FILE, json.dumps(note))
        yield begun


def _heed(group: Ranks):
    """A signal that came between two items stops here: the next is not begun (collective in the group)."""
    if not group.signals:
        return
    if group.team.total(bool(group.signals.asked))[0]:
        raise common(Stopped(f"stopped by {_signal(group)}"))
    group.signals.gentle = False


def _signal(ranks: Ranks) -> str:
    names = ranks.team.allgather(ranks.signals.name if ranks.signals else "")
    return next(filter(None, names), "a signal")


# ---- who takes which chunk -------------------------------------------------------------------------------


@contextmanager
def _places(team, stage: StageFolder, groups: int) -> Iterator[Path | None]:
    """A folder in which groups take chunks, gone in the end (collective); None where there is one group."""
    if groups == 1:
        yield None
        return

    def make() -> Path:
        for old in stage.path.glob(f"{TAKEN}*"):
            shutil.rmtree(old, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=TAKEN, dir=stage.path))

    place = team.on_root(make)
    try:
        yield place
    finally:
        if team.root:
            shutil.rmtree(place, ignore_errors=True)


def _chunks(team, chunks: int, place: Path | None) -> Iterator[int]:
    """The chunks that this group has taken, one after the other (collective in the group)."""
    for number in range(chunks):
        if place is None or team.on_root(partial(_take, place / str(number))):
            yield number


def _take(path: Path) -> bool:
    try:
        os.mkdir(path)
    except FileExistsError:
        return False
    return True


def _seen(tasks: list[Task]):
    """Wait until this node sees what others have noted: network file systems are late by seconds."""
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE and not all(task.outcome() for task in tasks):
        time.sleep(0.2)


# ---- the end ---------------------------------------------------------------------------------------------


def command(folder: Path, stage: str = "", chunk: int | None = None) -> str:
    """The command that takes up what is missing in a part of a workflow."""
    own = [f"--stage {stage}"] * bool(stage) + [f"--chunk {chunk}"] * (chunk is not None)
    return " ".join(["nanompi resume", *own, shlex.quote(str(folder))])


def end(part: Part, again: str):
    """How the part ended (rank 0). again : the command that takes up what is missing

    Errors: PartError where items have no result; the error's code is that of the items where all of them
    ended with the same one.
    """
    lines, codes, whole, kept = [], [], 0, ""
    for stage in part.stages():
        tasks = part.tasks(stage)
        missing = [task for task in tasks if not task.done()]
        codes += [task.outcome().get("code", PartError.code) for task in missing]
        whole += len(tasks)
        old = [(task, why) for task in tasks if (why := part.folder.outdated(stage, task))]
        codes += [PartError.code] * len(old)
        kept = " as things are now" if old else kept
        lines += [f"{stage.name}/{task.path.name} is to be made anew: {why}" for task, why in old]
        unmet = needs.unmet(part.folder, stage, why=bool(part.stage))
        if missing:
            lines += unmet or [f"{stage.name}: {len(missing)} of {len(tasks)} items: {needs.named(missing)}"]
    if not codes:
        return
    some = "the others are done" if len(codes) < whole else "none is done"
    text = (
        f"{len(codes)} of {whole} items have no result{kept}, {some}. Take up what is missing by:\n  {again}"
    )
    error = PartError(*lines, *text.split("\n"))
    error.code = codes[0] if len(codes) == whole and len(set(codes)) == 1 else PartError.code
    raise error
