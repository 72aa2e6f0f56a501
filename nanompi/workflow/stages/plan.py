"""What a workflow will need, before it starts: the first item of each stage is planned, times are summed."""

from nanompi.cluster.plan import seer
from nanompi.errors import NanompiError, shown
from nanompi.mpi.link import Link
from nanompi.units import clock, show
from nanompi.workflow.stages.work import group_number


def plan(workflow, ranks: int, threads: int, link: Link) -> list[str]:
    """Lines of `nanompi plan` for so many ranks; of what nobody can say beforehand, that it is so.

    workflow : nanompi.job.stages.Workflow
    """
    lines, times, memories, unknown = [], [], [], 0
    for stage in workflow.stages:
        groups = group_number(ranks, stage, len(stage.chunks))
        try:
            seconds, nbytes = _first(workflow, stage, max(1, ranks // groups), threads, link)
        except NanompiError as error:
            lines.append(f"{stage}: not known beforehand: {shown(error, 200)}")
            unknown += 1
            continue
        times.append(whole(stage, groups, seconds))
        memories.append(ranks * nbytes)
        lines.append(
            f"{stage}, {groups} at once on {max(1, ranks // groups)} rank{'s' * (ranks // groups > 1)} each: "
            f"{clock(seconds)} an item, {clock(times[-1])} in all; {show(nbytes, 'B')} of memory per rank"
        )
    more = f", and what {unknown} stage{'s' * (unknown > 1)} will need" if unknown else ""
    most = f"; at most {show(max(memories), 'B')} of memory at one time" if memories else ""
    head = f"{workflow.name} on {ranks} rank{'s' * (ranks > 1)}, by the first item of each stage:"
    return [head, *(f"  {line}" for line in lines), f"in all {clock(sum(times))}{more}{most}"]


def whole(stage, groups: int, seconds: float) -> float:
    """Seconds of a stage: groups take its chunks in turn, each when it has ended the one before."""
    free = [0.0] * groups
    for chunk in stage.chunks:
        first = free.index(min(free))
        free[first] += len(chunk) * seconds
    return max(free)


def _first(workflow, stage, ranks: int, threads: int, link: Link) -> tuple[float, int]:
    """(seconds, bytes of a rank) of the first item. Errors: what cannot be known"""
    from nanompi.errors import JobError

    job = stage.items[0].job
    if workflow.folder in str(job.resolved["input"]):
        raise JobError("it reads what stages before it make")
    return seer(job).foresee(job, threads).total(ranks, link)
