"""What a step sees (`Run`), and the loop over the steps of a job."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nanompi import units
from nanompi.data.data import Data
from nanompi.data.walk import walk, with_loading
from nanompi.errors import shown
from nanompi.mpi.team import Team
from nanompi.run.foreign import blamed, foreign
from nanompi.run.metrics import account, write_metrics
from nanompi.run.reading import open_data, spread_evenly
from nanompi.run.result import Result
from nanompi.run.reuse import Reuse
from nanompi.run.status import quiet
from nanompi.run.writers import nexus
from nanompi.run.writers.spread import image_of
from nanompi.step import param, section
from nanompi.timing import Clock


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

    team, device, clock : the ranks, this rank's device, time per phase
    say, warn : the log: a line of rank 0, and a warning of any rank
    note    : tells the state of the run to those who look from outside: note("iterating", iteration=3, ...)
    folder  : run folder (exists on rank 0)
    data    : arrays with axes (`nanompi.data.data.Data`) by name: what the reader gave as "data" (and more),
        and what steps made of it; given : names of those that block steps gave
    scan    : positions, geometry, mask (`nanompi.data.scan.Scan`), on every rank, without frames; None where
        the input is no ptychography scan
    parts   : list over ranks of global frame indices, of a scan from `ptycho.prepare` on; `parts[team.rank]`
        are this rank's frames
    made    : what earlier steps gave that is no array with axes, by name
    control : nanompi.run.control.Control, which keeps the state of iterations; None where nothing is kept
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
    data: dict[str, Data] = field(default_factory=dict)
    given: dict[str, None] = field(default_factory=dict)
    say: Any = print
    warn: Any = print
    note: Any = quiet
    control: Any = None
    result: Result = field(default_factory=Result)


def perform(job, run: Run, writers=(), reuse: Reuse | None = None):
    """The trip of the data: read, split, run the steps, write. Every rank calls it with the same job.

    job     : nanompi.job.job.Job (name, input, reader, steps, run, resolved, text)
    writers : called with the run, by every rank, when its result has been written
    reuse   : nanompi.run.reuse.Reuse, in a sweep: what the run before has left, and this one leaves
    """
    reuse = reuse or Reuse()
    run.note("reading", device=str(run.device))
    done = reuse.give(run)
    if done < 0:
        _begin(run, job)
        reuse.take(run, 0)
    run.say(_what(run))
    number = max(0, done)
    while number < len(job.steps):
        steps = _next(run, job.steps[number:], reuse.want - number)
        _do(run, number, steps)
        number += len(steps)
        reuse.take(run, number)
    run.note("writing")
    _write(run, job, writers)


def _begin(run, job):
    """The input, on every rank: data with axes, or a scan."""
    own: list = []
    with run.clock.phase("read"):
        opened = run.team.on_root(lambda: _open(job, own))
    if isinstance(opened, dict):
        run.data = {name: spread_evenly(data, run.team.size) for name, data in opened.items()}
        run.parts = next(iter(run.data.values())).parts
        return
    run.scan = own[0] if own else opened
    run.data = {"data": spread_evenly(_frames(run.scan), run.team.size)}


def _frames(scan) -> Data:
    """The frames of a scan, not loaded, for steps that know nothing of ptychography."""
    facts = {"wavelength": scan.wavelength, "distance": scan.distance, "pixel": scan.pixel}
    beside = {name: a for name in ("mask", "dark") if (a := getattr(scan, name)) is not None}
    about = {"facts": facts, "beside": beside, "coords": {"point": (scan.positions, "m")}}
    about |= {"file": scan.file, "format": scan.format}
    return Data(axes=("point", "row", "column"), source=scan.source, **about)


def _next(run, steps: list, kept: int) -> list:
    """The next step; or several, which are done in one pass while their data are loaded.

    kept : after so many of them the next run of a sweep goes on; 0 or less: it does not
    """
    together = max(1, with_loading(run, steps))
    return steps[: min(together, kept) if kept > 0 else together]


def _do(run, number: int, steps: list):
    """One step of the job, or several at once; a signal that came before is heeded first."""
    if run.control:
        run.control.begin(number)
    run.clock.patient, here = any(map(foreign, steps)), os.path.abspath(".")
    with blamed():
        walk(run, steps) if getattr(steps[0], "each", "") else steps[0].run(run)
    if run.clock.patient:
        os.chdir(here)  # a step that went elsewhere: paths of job and run folder count from here
    run.clock.patient = False
    if run.control:
        run.control.close()


def _open(job, own: list):
    """The input as all ranks get it; a scan with all that rank 0 alone needs goes into `own`."""
    if job.reader.gives:
        return open_data(job.input.file, job.input, job.reader)
    from nanompi.methods.ptycho.read import open_scan

    own.append(open_scan(job.input.file, job.input, job.reader))
    return own[0].for_others()


def _what(run) -> str:
    if run.scan is None:
        return "\n".join(_about(name, data) for name, data in run.data.items())
    scan, (n, h, w) = run.scan, run.scan.source.shape
    near = "" if scan.focus is None else f"near field, focus to sample {units.show(scan.focus, 'm')}, "
    lines = [
        f"{scan.format} {shown(scan.file)}: {n} frames of {h} x {w} {scan.source.dtype}, {near}"
        f"wavelength {units.show(scan.wavelength, 'm')}, distance {units.show(scan.distance, 'm')}, "
        f"detector pixel {units.show(scan.pixel[0], 'm')}",
        *(f"note: {shown(note)}" for note in scan.notes),
    ]
    return "\n".join(lines)


def _about(name: str, data: Data) -> str:
    each = f", {min(map(len, data.parts))} to {max(map(len, data.parts))} on each rank" if data.parts else ""
    head = f"{data.format} {shown(data.file)}: {name}: {data}{each}"
    return "\n".join([head, *(f"note: {shown(note)}" for note in data.notes)])


def kept(run, names: list[str]) -> dict[str, Data]:
    """The data that are written: those that the job names, else what block steps gave."""
    there = {name for name, data in run.data.items() if data.values is not None}
    for name in names:
        if name not in there:
            run.say(f"warning: output.keep: {name} is not in memory at the end, and is not written")
    return {name: run.data[name] for name in names or run.given if name in there}


def _write(run, job, writers):
    """The result file first, then what else is written, the figures of the run last."""
    if run.control and run.control.notes:
        run.result.notes["course"] = run.control.notes
    run.result.notes |= {"job": job.resolved, "job_text": job.text, "run": account(run)}
    run.result.data = kept(run, job.output.keep)
    with run.clock.phase("write"):
        nexus.write_result(run)
        if run.control:
            run.control.clear()
        images = {name: image_of(run.team, data, name) for name, data in run.result.data.items()}
        run.result.pictures = {name: image for name, image in images.items() if image is not None}
        for write in writers:
            write(run)
    write_metrics(run)
