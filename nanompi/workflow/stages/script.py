"""A workflow as jobs of Slurm: of each stage an array, one task for each chunk of its items, behind the
stages that it needs.

The dependencies are `afterany`: each task tests itself whether enough is there (`needs`), so that failed
items end nothing that can do without them. A task, also one that Slurm starts again, takes up only what is
missing.
"""

import shlex
from dataclasses import dataclass, replace
from typing import Any

from nanompi.cluster import slurm
from nanompi.cluster.submit import program, with_site
from nanompi.errors import JobError, NanompiError, ResourceError
from nanompi.io.atomic import write_text
from nanompi.job.folder import writing
from nanompi.report.workflow import SCRIPT, tasks_of
from nanompi.workflow.stages import folder
from nanompi.workflow.stages.folder import StageFolder, WorkflowFolder
from nanompi.workflow.stages.reuse import take_over


@dataclass
class Here:
    """Where jobs are submitted from. site : nanompi.cluster.site.Site; source : its file, for the heads

    notice : command for the end of the last stage, or ""
    """

    site: Any
    source: str
    notice: str = ""


@dataclass
class Sent:
    """A stage that was handed to Slurm: its job, and what it is."""

    stage: str
    job: str
    words: str


def resources(stage: StageFolder, site):
    """The site with what a stage wants in place of it. Errors: JobError naming the stage.

    A task is one chain of items: its ranks are those of `slurm: ranks`, else the `group`, else the site's.
    """
    own = {"ranks": stage.group} if stage.group else {}
    try:
        return replace(site, **own | stage.slurm)
    except (JobError, TypeError) as e:
        raise JobError(f"stages.{stage.name}.slurm: {e}") from None


def text(flow: WorkflowFolder, stage: StageFolder, here: Here) -> str:
    """The batch script of a stage. Errors: JobError for what cannot stand in one."""
    run, many, last = shlex.quote(str(flow.path)), _many(stage), stage is flow.stages[-1]
    part = f'"$run" --stage {stage.name}' + ' --chunk "$SLURM_ARRAY_TASK_ID"' * many
    words = f"resume {part}"
    words += f" --notify {shlex.quote(here.notice)}" if here.notice and last else ""
    own = resources(stage, here.site)
    batch = slurm.Batch(
        name=f"{flow.name}-{stage.name}",
        program=shlex.quote(own.nanompi or program()),
        start=words,
        resume=words,
        output=slurm.log_file(stage.path, "slurm-%a.log" if many else "slurm-0.log"),
        head=_head(flow, stage, here),
        before=(f"run={run}",),
        part=part,
    )
    array = [_array(stage, stage.numbers())] if many else []
    return slurm.script(batch, replace(own, options=[*array, *own.options]))


def _head(flow: WorkflowFolder, stage: StageFolder, here: Here) -> tuple[str, ...]:
    """What stands at the head of the script"""
    items, tasks = len(stage.tasks), len(stage.numbers())
    what = f"{items} items in {tasks} task{'s' * (tasks != 1)}" if _many(stage) else "one task"
    script = shlex.quote(str(stage.path / SCRIPT))
    by_hand = f"some tasks of it by: sbatch --array=NUMBERS {script}"
    return (
        f"stage {stage.name} of the workflow in {flow.path} {with_site(here.source)}: {what}",
        f"what is missing runs again by: nanompi submit {shlex.quote(str(flow.path))}",
        *([by_hand] if _many(stage) else []),
    )


def _many(stage: StageFolder) -> bool:
    """Has the stage a `foreach`?"""
    return bool(stage.tasks[0].values)


def _array(stage: StageFolder, chunks: list[int]) -> str:
    """`--array=0-3,7%2`: some chunks of a stage, and how many at the same time"""
    return f"--array={numbers(chunks)}" + (f"%{stage.at_once}" if stage.at_once else "")


def numbers(chunks: list[int]) -> str:
    """Numbers of tasks as sbatch writes them: 0-3,7."""
    out: list[list[int]] = []
    for k in sorted(chunks):
        if out and out[-1][1] == k - 1:
            out[-1][1] = k
        else:
            out.append([k, k])
    return ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in out)


def options(stage: StageFolder, chunks: list[int], before: list[str]) -> list[str]:
    """Options of sbatch: these chunks of a stage, behind these jobs."""
    array = [_array(stage, chunks)] if _many(stage) else []
    # afterany: also where items failed. A dependency that can never be met must not wait for ever.
    behind = [f"--dependency=afterany:{':'.join(before)}", "--kill-on-invalid-dep=yes"] if before else []
    return array + behind


def commands(flow: WorkflowFolder) -> list[tuple[StageFolder, str]]:
    """Each stage of which something is missing, and the command that would submit it, for people to read."""
    left = missing(flow)
    out = []
    for stage in [one for one in flow.stages if left[one.name]]:
        before = [f"JOB-{name}" for name in stage.needs if left[name]]
        words = ["sbatch", *options(stage, left[stage.name], before), shlex.quote(str(stage.path / SCRIPT))]
        out.append((stage, " ".join(words)))
    return out


def missing(flow: WorkflowFolder) -> dict[str, list[int]]:
    """Numbers of the chunks of each stage with items that are not done, or may have to be made anew.

    Those of a stage for which others are run again: its tasks see then themselves what has come.
    """
    out: dict[str, list[int]] = {}
    for stage in flow.stages:
        own = {task.number for task in flow.left(stage)}
        again = any(out[name] for name in stage.needs)
        chunks = {k for task, k in zip(stage.tasks, stage.chunks) if again or task.number in own}
        out[stage.name] = sorted(chunks)
    return out


def begin(
    workflow, here: Here, runs: str, named: str = "", old: WorkflowFolder | None = None
) -> tuple[WorkflowFolder, list[Sent], list[str]]:
    """Submit a checked workflow in the next folder of its own, which is gone again where that fails.

    named : a folder in place of the next one, which may hold the workflow already
    old : a workflow whose results are taken over, where they are asked for alike; the lines say how many
    Errors: see `submit`
    """
    made = folder.create(workflow, runs, named)
    flow = folder.read(made.resolve())
    try:
        lines = take_over(folder.read(made), old) if old else []  # by the path that its jobs have
        return flow, submit(flow, here), lines
    except (OSError, NanompiError):
        if not named:
            folder.remove(flow)
        raise


def submit(flow: WorkflowFolder, here: Here) -> list[Sent]:
    """Hand to Slurm what is missing of a workflow, in the order of its stages.

    flow : its path is absolute. Errors: JobError where a stage is in the queue already; ResourceError where
    that is not known, and where sbatch refuses a stage: those before it are cancelled then.
    """
    not_twice(flow)
    found = missing(flow)
    left = [(stage, chunks) for stage in flow.stages if (chunks := found[stage.name])]
    with writing(flow.path):
        for stage, _ in left:
            write_text(stage.path / SCRIPT, text(flow, stage, here))
    sent: dict[str, Sent] = {}
    try:
        for stage, chunks in left:
            sent[stage.name] = _send(stage, chunks, sent)
    except NanompiError:
        slurm.cancel([one.job for one in sent.values()])
        raise
    return list(sent.values())


def _send(stage: StageFolder, chunks: list[int], sent: dict[str, Sent]) -> Sent:
    """Hand some chunks of a stage to sbatch, behind what was sent of the stages that it needs"""
    before = [sent[other] for other in stage.needs if other in sent]
    job = slurm.sbatch(str(stage.path / SCRIPT), *options(stage, chunks, [one.job for one in before]))
    items = sum(number in chunks and not task.done() for task, number in zip(stage.tasks, stage.chunks))
    many = f"{items or 'what is outdated'} of {len(stage.tasks)} items in {len(chunks)} task"
    many += "s" * (len(chunks) != 1)
    behind = f", behind {', '.join(one.stage for one in before)}" if before else ""
    return Sent(stage.name, job, (many if _many(stage) else "one task") + behind)


def not_twice(flow: WorkflowFolder):
    """Two jobs would work on the same items. Errors: JobError where one is in the queue, ResourceError."""
    queue = slurm.queue()
    begun = [stage for stage in flow.stages if (stage.path / SCRIPT).is_file()]
    if begun and queue is None:
        raise ResourceError(f"squeue does not answer: whether jobs of {flow.path} still wait is not known")
    for stage in begun:
        for number, state in tasks_of(stage.path / SCRIPT, queue).items():
            job = number.partition("_")[0]
            raise JobError(
                f"{flow.path}: stage {stage.name} is in the queue as job {job} ({state}): wait until it "
                f"has ended, or take it out (scancel {job}), and submit then what is missing"
            )
