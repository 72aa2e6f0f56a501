"""What a step sees, and the loop over the steps: the program."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nanompi import units
from nanompi.device import open_device
from nanompi.mpi.team import Team
from nanompi.run.foreign import blamed, foreign
from nanompi.run.metrics import account, keep, table
from nanompi.run.result import Result
from nanompi.run.reuse import Reuse
from nanompi.run.status import quiet
from nanompi.step import param, section
from nanompi.timing import Clock
from nanompi.words import shown


@section
class Options:
    """How the job runs; none of these changes the answer beyond rounding."""

    device: Literal["auto", "cpu", "cuda"] = param(
        "auto", help="where the ranks compute; auto takes the cards where every rank has one"
    )
    precision: Literal["single", "double"] = param(
        "single", help="float32 and complex64, or float64 and complex128"
    )
    threads: int | Literal["auto"] = param(
        "auto", ge=1, le=4096, help="threads of each rank; auto shares the cores of a node"
    )
    cache: str = param(
        "",
        kind="folder",
        help="folder in which prepared frames are kept for later runs, seen by all ranks; empty = off",
    )
    transport: Literal["staged", "auto", "mpi", "nccl"] = param(
        "staged", help="how sums of cards travel: through the host, or by what a test finds to work"
    )
    checkpoint: float = param(
        600.0,
        unit="s",
        ge=0,
        help="time between two checkpoints (10min); 0 = only when asked by a signal or file",
    )
    watchdog: float = param(
        600.0, unit="s", ge=0, help="end the job when a rank makes no progress for this time; 0 = never"
    )


@dataclass
class Run:
    """What a step sees.

    team, device, clock, say : the ranks, this rank's device, time per phase, the log (`say(text)`: rank 0
        only)
    note    : tells the state of the run to those who look from outside: note("iterating", iteration=3, ...)
    folder  : run folder (exists on rank 0)
    scan    : positions, geometry, mask (`nanompi.data.scan.Scan`), on every rank, without frames
    parts   : list over ranks of global frame indices, from `ptycho.prepare` on; `parts[team.rank]` are this
        rank's frames
    made    : what earlier steps gave, by name
    course  : nanompi.run.control.Course, which keeps the state of iterations; None where nothing is kept
    result  : what the writers will write, filled by the steps (complete on rank 0 alone)
    """

    team: Team
    device: Any
    options: Options
    folder: Path
    name: str = ""
    scan: Any = None
    parts: list = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    made: dict[str, Any] = field(default_factory=dict)
    say: Any = print
    note: Any = quiet
    course: Any = None
    result: Result = field(default_factory=Result)


def perform(job, team: Team, folder: Path, say, note=quiet, course=None, clock=None, reuse=None) -> Run:
    """The trip of the data: read, split, run the steps, write. Every rank calls it with the same job.

    job    : nanompi.job.job.Job (name, input, reader, steps, run, resolved, text)
    note   : where the state of the run is told (`nanompi.run.status.Status`)
    course : nanompi.run.control.Course; None = no checkpoints. clock : a Clock that a watchdog looks at
    reuse  : nanompi.run.reuse.Reuse, in a sweep: what the run before has left, and this one leaves
    """
    reuse = reuse or Reuse()
    team.clock = clock = clock or Clock()
    with clock.phase("import"):
        device = reuse.device or open_device(job.run, team, say)
    run = Run(team, device, job.run, folder, job.name, clock=clock, say=say, note=note, course=course)
    note("reading", device=str(run.device))
    done = reuse.give(run)
    if done < 0:
        _begin(run, job)
        reuse.take(run, 0)
    say(_what(run))
    for number, step in enumerate(job.steps):
        if number >= done:
            _do(run, number, step)
            reuse.take(run, number + 1)
    note("writing")
    with run.clock.phase("write"):
        _write(run, job)
    if course:
        course.clear()
    book = account(run)
    say(table(book))
    if team.root:
        keep(book, folder)
    return run


def _begin(run, job):
    """The scan, on every rank."""
    with run.clock.phase("read"):
        run.scan = run.team.on_root(lambda: _open(job))
        if not run.team.root:
            run.scan.truth = {}  # of a simulation; rank 0 alone writes it


def _do(run, number: int, step):
    """One step of the job; a signal that came before is heeded first."""
    if run.course:
        run.course.begin(number)
    run.clock.patient, here = foreign(step), os.path.abspath(".")
    with blamed():
        step.run(run)
    if run.clock.patient:
        os.chdir(here)  # a step that went elsewhere: paths of job and run folder count from here
    run.clock.patient = False
    if run.course:
        run.course.close()


def _open(job):
    from nanompi.methods.ptycho.read import open_scan

    return open_scan(job.input.file, job.input, job.reader)


def _what(run) -> str:
    scan, (n, h, w) = run.scan, run.scan.source.shape
    near = "" if scan.focus is None else f"near field, focus to sample {units.show(scan.focus, 'm')}, "
    lines = [
        f"{scan.format} {shown(scan.file)}: {n} frames of {h} x {w} {scan.source.dtype}, {near}"
        f"wavelength {units.show(scan.wavelength, 'm')}, distance {units.show(scan.distance, 'm')}, "
        f"detector pixel {units.show(scan.pixel[0], 'm')}",
        *(f"note: {shown(note)}" for note in scan.notes),
    ]
    return "\n".join(lines)


def _write(run, job):
    """The result file, by rank 0; an error there ends all ranks."""
    from nanompi.run.writers.nexus import write

    if run.course and run.course.notes:
        run.result.notes["course"] = run.course.notes
    run.result.notes |= {"job": job.resolved, "job_text": job.text, "run": account(run)}
    run.team.on_root(lambda: write(run.result, run.folder / "result.h5"))
