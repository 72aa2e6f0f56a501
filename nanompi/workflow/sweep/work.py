"""All settings of a sweep in one allocation: groups of ranks, each working through its settings.

A group loads the frames once and keeps them while only parameters of later steps change. An error that all
ranks of a group meet (a step's numbers, a file) ends its setting alone; one that strikes a single rank, or a
dead rank, ends the sweep, which `--resume` then goes on with.
"""

import gc
import itertools
import json
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from nanompi.errors import NanompiError, Stopped, complain, exit_code
from nanompi.job.folder import held, writing
from nanompi.report.at_the_end import at_the_end
from nanompi.report.figures import pictures
from nanompi.run.figures import summary
from nanompi.run.life import Ranks, live
from nanompi.run.reuse import Reuse, common
from nanompi.timing import Clock
from nanompi.workflow.sweep.folder import Task


def run_settings(ranks: Ranks, todo: list[Task], groups: int):
    """Run settings by groups of ranks; returns when all have ended (collective).

    todo : with their jobs, the same list on all ranks; groups : how many, at most one for each rank
    """
    team = ranks.team
    group = replace(ranks, team=team.groups(groups), signals=None)  # a setting keeps no checkpoints
    own = parts(ordered(todo), groups)[team.rank * groups // team.size]
    reuse = Reuse()
    for k, task in enumerate(own):
        reuse.next(common(task.job.resolved, own[k + 1].job.resolved) if k + 1 < len(own) else -1)
        _one(group, task, reuse)
    team.rest()


def group_number(team, asked: int, settings: int) -> int:
    """How many groups: as asked; else one for each node, so that each node holds the frames once."""
    nodes = len(set(team.allgather(team.host)))
    return max(1, min(asked or nodes, team.size, settings))


def ordered(todo: list[Task]) -> list[Task]:
    """Settings with the same input, and the same first steps, one after the other."""
    ranks: dict[tuple, int] = {}

    def place(task):
        job, prefix, out = task.job.resolved, (), []
        for part in ([job["input"], job["run"]], *job["steps"]):
            prefix = (*prefix, json.dumps(part, sort_keys=True))
            out.append(ranks.setdefault(prefix, len(ranks)))
        return out

    return sorted(todo, key=place)


def parts(items: list, n: int) -> list[list]:
    """n neighbouring parts that differ by at most one item."""
    cuts = [k * len(items) // n for k in range(n + 1)]
    return [items[a:b] for a, b in itertools.pairwise(cuts)]


def _one(ranks: Ranks, task: Task, reuse: Reuse):
    """One setting, and how it ended: noted in its folder and said in one line."""
    begun, error, figures, group = time.monotonic(), None, {}, ranks.team
    try:
        figures = _attempt(ranks, task, reuse)
    except Stopped:
        raise
    except Exception as e:
        error = e
        if e.trace if isinstance(e, NanompiError) else not isinstance(e, MemoryError):
            complain(e, e.__traceback__, f"{task.path.name}: ")
        e.__traceback__ = e.__context__ = None  # they would keep the arrays of the run
    gc.collect()
    try:
        failed = group.agree(error)
    except Exception as e:
        e.args = (f"{task.path.name}: {e}",)
        task.record(exit_code(e), str(e), time.monotonic() - begun, {})
        raise
    code, message = failed or (0, "")
    if group.root:
        task.record(code, message, time.monotonic() - begun, figures)
        print(line(task), flush=True)


def _attempt(ranks: Ranks, task: Task, reuse: Reuse) -> dict:
    """Run the setting as `nanompi run` would; its figures (rank 0 of the group has them)."""
    run = live(replace(ranks, clock=Clock()), partial(_prepared, task), [pictures], "none", reuse, at_the_end)
    return run.team.on_root(lambda: summary(run, task.job.steps))


@contextmanager
def _prepared(task: Task, vendor: str, hosts: list[str]):
    """The folder of the setting is locked, as that of any run, and holds no outcome of an earlier one."""
    with held(task.job, task.path, vendor, hosts, anew=True) as begun:
        with writing(task.path):
            (task.path / "outcome.json").unlink(missing_ok=True)
        yield begun


def line(task: Task) -> str:
    """How a setting ended, in one line."""
    found = task.outcome()
    figures = ", ".join(f"{k} {v:.4g}" for k, v in found["figures"].items())
    how = figures or "done" if found["code"] == 0 else f"exit code {found['code']}: {found['message']}"
    return f"{task.path.name}: {how} ({found['seconds']:.1f} s)"
