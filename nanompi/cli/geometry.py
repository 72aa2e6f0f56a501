"""Is the scan as the job says? Orientations of the frames, frames late or early by one, distance, rotation
and different scales of the axes are tried on about a hundred frames about the middle of the scan, and judged
by frames left out.

Prints a ranked table (1 = nothing but counting noise is left), what is concluded from it, and the lines to
paste into the job; or that it cannot be told. Nothing is written. A `background` of the job that is a number
is taken into account; one that is `auto`, and the flux of single frames but for the monitor's, are not.
"""

import tempfile
from pathlib import Path

from nanompi.cli import job_arguments
from nanompi.errors import JobError
from nanompi.mpi.mpiexec import one_thread, start, to_start


def arguments(parser):
    """Arguments of `nanompi geometry`."""
    job_arguments(parser)
    parser.add_argument("-n", type=int, metavar="N", help="number of ranks; starts mpiexec by itself")


def main(args) -> int:
    """Exit code 0, whatever is found."""
    one_thread()
    if to_start(args.n):
        sets = [word for text in args.set for word in ("--set", text)]
        return start(args.n, ["geometry", *sets, "--", args.job])
    from nanompi.methods import discover
    from nanompi.run.life import together

    with together(discover) as ranks, tempfile.TemporaryDirectory(prefix="nanompi-geometry-") as folder:
        lines = _lines(ranks, args, Path(folder))
        if ranks.team.root:
            print("\n".join(lines))
    return 0


def _lines(ranks, args, folder: Path) -> list[str]:
    """What the first step says that can tell the geometry (collective). Errors: JobError where none can."""
    from nanompi.device import open_device
    from nanompi.job.job import read_job
    from nanompi.run.perform import Run, begin

    job = ranks.team.on_root(lambda: read_job(args.job, args.set))
    able = [step for step in job.steps if hasattr(step, "geometry")]
    if not able:
        raise JobError(f"{args.job}: no step of this job can tell the geometry of a scan; ptycho can")
    quiet = lambda *_: None  # noqa: E731
    run = Run(ranks.team, None, job.run, folder, job.name, clock=ranks.clock, say=quiet, warn=quiet)
    run.device = open_device(job.run, ranks.team, quiet)
    begin(run, job)
    return able[0].geometry(run, job.steps)
