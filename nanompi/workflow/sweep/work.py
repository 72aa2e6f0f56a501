"""All settings of a sweep in one allocation: groups of ranks, each working through its settings.

A group loads the frames once and keeps them while only parameters of later steps change. An error that all
ranks of a group meet (a step's numbers, a file) ends its setting alone; one that strikes a single rank, or a
dead rank, ends the sweep, which `--resume` then goes on with.
"""

import itertools
import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from nanompi.run.life import Ranks
from nanompi.run.reuse import Reuse, common
from nanompi.workflow.attempt import attempt, prepared, run_of
from nanompi.workflow.task import Task

PAGE = 0.05  # part of the time that the page of a sweep may take: it reads the images of all settings


def run_settings(ranks: Ranks, todo: list[Task], groups: int):
    """Run settings by groups of ranks; returns when all have ended (collective).

    todo : with their jobs, the same list on all ranks; groups : how many, at most one for each rank
    """
    team = ranks.team
    group = replace(ranks, team=team.groups(groups), signals=None)  # a setting keeps no checkpoints
    own = parts(ordered(todo), groups)[team.rank * groups // team.size]
    reuse, due = Reuse(), 0.0
    for k, task in enumerate(own):
        reuse.next(common(task.job.resolved, own[k + 1].job.resolved) if k + 1 < len(own) else -1)
        attempt(group, task, partial(_setting, task, reuse))
        if group.team.root and time.monotonic() >= due:
            begun = time.monotonic()
            page(task.path.parent)
            due = begun + (time.monotonic() - begun) / PAGE
    team.rest()


def page(folder: Path) -> str:
    """report.html of a sweep, renewed when a setting has ended, unless it was a moment ago; why there is
    none, "" where there is one. A setting that runs has a report of its own, with its figures and its image.

    One that cannot be made costs the sweep nothing.
    """
    from nanompi.report.workflow_page import write

    try:
        write(folder)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


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


def _setting(task: Task, reuse: Reuse, ranks: Ranks) -> dict:
    """Run the setting as `nanompi run` would; its figures (rank 0 of the group has them). Its image stands on
    the sheet of all: it draws none of its own."""
    return run_of(ranks, task, partial(prepared, task), reuse, writers=())
