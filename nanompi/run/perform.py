"""What a step sees (`Run`), and the loop over the steps of a job."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nanompi import papers
from nanompi.data.data import Data
from nanompi.data.infile import ArrayInFile
from nanompi.data.walk import next_pass, walk
from nanompi.errors import NumbersError
from nanompi.mpi.team import Team
from nanompi.run import afterwards
from nanompi.run.foreign import blamed, foreign
from nanompi.run.foresight import foresee
from nanompi.run.metrics import account, write_metrics
from nanompi.run.options import Options
from nanompi.run.provenance import gather
from nanompi.run.reading import open_data, spread_evenly
from nanompi.run.result import Result
from nanompi.run.reuse import Reuse
from nanompi.run.status import quiet
from nanompi.run.store import Store
from nanompi.run.verdict import conclude, judge_numbers, tell
from nanompi.run.writers import nexus, spread
from nanompi.run.writers.images import images_of
from nanompi.run.writers.pictures import geometry_of, to_keep
from nanompi.run.writers.stacks import write_stacks
from nanompi.step import OWN, idle
from nanompi.timing import Clock


@dataclass
class Run:
    """What a step sees.

    team, device, clock : the ranks, this rank's device, time per phase
    say, warn : the log: a line of rank 0, and a warning of any rank
    note    : tells the state of the run to those who look from outside: note("iterating", iteration=3, ...)
    glimpse : shows what block steps have by now; called with their walks, by each rank, about every second
    folder  : run folder (exists on rank 0); None: nothing is written, the result stays in memory
    data    : arrays with axes (`nanompi.data.data.Data`) by name: what the reader gave as "data" (and more),
        and what steps made of it; given : names of those that block steps gave
    made    : what earlier steps gave that is no array with axes, by name
    control : nanompi.run.control.Control, which keeps the state of iterations; None where nothing is kept
    store   : nanompi.run.store.Store, which writes large results of block steps in place
    result  : what the writers will write, filled by the steps (complete on rank 0 alone)
    """

    team: Team
    device: Any
    options: Options
    folder: Path | None
    name: str = ""
    clock: Clock = field(default_factory=Clock)
    made: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Data] = field(default_factory=dict)
    given: dict[str, None] = field(default_factory=dict)
    say: Any = print
    warn: Any = print
    note: Any = quiet
    glimpse: Any = quiet
    control: Any = None
    store: Any = None
    result: Result = field(default_factory=Result)


def perform(job, run: Run, writers=(), reuse: Reuse | None = None):
    """The trip of the data: read, split, run the steps, write. Every rank calls it with the same job.

    job     : nanompi.job.job.Job (name, input, reader, steps, run, resolved, text)
    writers : called with the run, by every rank, when its result has been written; one that has `begin` is
        told of the run before
    reuse   : nanompi.run.reuse.Reuse, in a sweep: what the run before has left, and this one leaves
    """
    if run.team.on_root(lambda: afterwards.pending(run.folder)):
        return _finish(run, job)
    reuse = reuse or Reuse()
    for write in writers:
        getattr(write, "begin", quiet)(run)
    for step in job.steps:
        _hook(step, "before")(run)
    run.note("reading", device=str(run.device))
    done = reuse.give(run)
    if done < 0:
        begin(run, job)
        reuse.take(run, 0)
    run.say("\n".join(data.about(name) for name, data in run.data.items()))
    foresee(run, job, job.steps[max(0, done) :])
    run.store = Store(run, job.output.type)
    left = [number for number in range(max(0, done), len(job.steps)) if not run.store.recall(number)]
    while left:
        if _passed_over(run, job.steps[left[0]]):
            reuse.take(run, left.pop(0) + 1)
            continue
        numbers = left[: len(_next(run, [job.steps[k] for k in left], reuse.want - left[0]))]
        steps = [job.steps[k] for k in numbers]
        run.store.begin(numbers, final(job, numbers), steps)
        _do(run, numbers[0], steps)
        run.store.remember(job.steps[numbers[-1]])
        left = left[len(numbers) :]
        reuse.take(run, numbers[-1] + 1)
    run.note("writing")
    _write(run, job, writers)


def _finish(run, job):
    """The result stands: only what follows it is missing."""
    run.say("the result stands; what steps do after it is done again where it has failed")
    for step in job.steps:
        _hook(step, "before")(run)
    afterwards.perform(run, job.steps)


def _hook(step, name: str):
    """A step's method of a name that it may have; a parameter of that name is none."""
    return getattr(step, name) if callable(getattr(type(step), name, None)) else quiet


def begin(run, job):
    """The input, on every rank: data with axes, not loaded."""
    with run.clock.phase("read"):
        own: dict[str, Data] = {}
        opened = run.team.on_root(lambda: _open(job, own))
        opened = own if run.team.root else opened
    run.data = {name: spread_evenly(data, run.team.size) for name, data in opened.items()}


def _open(job, own: dict) -> dict[str, Data]:
    """Open the input into `own` (rank 0); what the other ranks need of it."""
    own |= open_data(job.input.file, job.input, job.reader)
    return {name: data.for_others() for name, data in own.items()}


def _next(run, steps: list, kept: int) -> list:
    """The next step; or several, which are done in one pass while their data are loaded.

    kept : after so many of them the next run of a sweep goes on; 0 or less: it does not
    """
    together = len(next_pass(run, steps))
    return steps[: min(together, kept) if kept > 0 else together]


def _passed_over(run, step) -> bool:
    """Has the next step nothing to do? The log says so."""
    over = idle(step, run.data.get(getattr(step, "takes", "data")))
    if over:
        run.say(f"{step.name}: nothing to do on these data")
    return over


def final(job, numbers: list[int]) -> set[str]:
    """Names of what some steps give that are written: no later one takes their place, and they are not for
    the `finish` of a step alone."""
    gives = [set(step.gives) or {getattr(step, "takes", "")} for step in job.steps]
    gives = [{name for name in names if not name.startswith(OWN)} for names in gives]
    own = set().union(*(gives[k] for k in numbers)).difference(*gives[numbers[-1] + 1 :])
    return own & set(job.output.keep) if job.output.keep else own


def _do(run, number: int, steps: list):
    """One step of the job, or several at once; a signal that came before is heeded first."""
    if run.control:
        run.control.begin(number)
    run.clock.patient, here = any(map(foreign, steps)), os.path.abspath(".")
    with _solvable(steps), blamed():
        walk(run, steps) if getattr(steps[0], "each", "") else steps[0].run(run)
    if run.clock.patient:
        os.chdir(here)  # a step that went elsewhere: paths of job and run folder count from here
    run.clock.patient = False
    if run.control:
        run.control.close()


@contextmanager
def _solvable(steps: list) -> Iterator[None]:
    """Equations without a solution are a matter of the numbers, not of the program. Errors: NumbersError."""
    try:
        yield
    except np.linalg.LinAlgError as error:
        names = ", ".join(step.name for step in steps)
        raise NumbersError(
            f"{names}: the data do not determine what is asked for ({error}). Are there too few of them, or "
            "values that are not finite? `nanompi inspect` shows the input"
        ) from error


def in_reach(data: Data) -> bool:
    """Are the values in memory, or in a result file?"""
    return data.values is not None or isinstance(data.source, ArrayInFile)


def kept(run, names: list[str]) -> dict[str, Data]:
    """The data that are written, by the names that they have in the result: those that the job names, else
    what block steps gave."""
    there = {name for name, data in run.data.items() if in_reach(data)}
    known = {name: run.result.free_name(name) for name in names or run.given if name in there}
    for name in names:
        if name not in there:
            run.say(f"warning: output.keep: {name} is not in memory at the end, and is not written")
    for name, free in known.items():
        if name != free:
            run.say(f"warning: {name} is a name that the result has already; that of a step is {free} in it")
    return {free: run.data[name] for name, free in known.items()}


def _write(run, job, writers):
    """The result file first, then what else is written, the figures of the run last."""
    if run.control and run.control.notes:
        run.result.notes["course"] = run.control.notes
    judge_numbers(run)
    verdict = conclude(run)
    run.result.notes |= {"job": job.resolved, "job_text": job.text, "run": account(run)}
    behind = papers.of([job.reader, *job.steps]) if run.team.root else []
    run.result.notes["papers"] = papers.noted(behind)
    if run.team.root:
        run.result.notes |= gather(run, job)
    run.result.data = kept(run, job.output.keep)
    if run.team.root:
        if known := geometry_of(run.result.data):
            run.result.notes.setdefault("geometry", known)
        run.result.pictures = to_keep(run.result)
    afterwards.begin(run, job.steps)
    with run.clock.phase("write"):
        if run.folder:
            nexus.write_result(run)
        else:
            spread.gather(run)
        if run.control:
            run.control.clear()
        if run.folder:
            write_stacks(run, job.output)
        for name, data in run.result.data.items():
            if not run.result.shown_by_name(name):
                run.result.planes |= images_of(run.team, data, name)
        for write in writers:
            write(run)
    try:
        afterwards.perform(run, job.steps)
    finally:
        write_metrics(run)
    if behind:
        run.say(f"papers: {'; '.join(p.short for p in behind)} (`nanompi cite {run.folder}`)")
    tell(run, verdict, job.run.strict)
