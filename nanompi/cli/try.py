"""One picture strip in minutes: some values of one parameter on a few frames.

Those in the middle of a scan; of a tomogram all projections, and of these the middle row alone: one slice for
each value. What they have in common (sinograms) is prepared once, and each value stands in the table and
below its picture as the job of that setting has it.
"""

from types import SimpleNamespace

from nanompi.cli import new_path, path, settings, sweep
from nanompi.errors import JobError
from nanompi.mpi.mpiexec import one_thread, start, to_start

FRAMES = 100  # of a scan


def arguments(parser):
    """Arguments of `nanompi try`."""
    parser.add_argument("job", type=path, help="job file (YAML)")
    parser.add_argument("key", help="parameter, as for --set: steps.ptycho.probe.modes, input.distance ...")
    parser.add_argument("first", metavar="FROM", help="first value, with its unit where it has one")
    parser.add_argument("last", metavar="TO", help="last value")
    parser.add_argument("step", metavar="STEP", help="from one value to the next")
    settings(parser)
    parser.add_argument("-n", type=int, metavar="N", help="number of ranks; starts mpiexec by itself")
    parser.add_argument(
        "--frames",
        type=int,
        help="so many in the middle of the scan (100), or evenly over all projections (all)",
    )
    parser.add_argument("--iterations", type=int, help="in all; the engines share them as in the job")
    parser.add_argument(
        "--groups", type=int, default=0, metavar="G", help="groups of ranks; 0: one each node"
    )
    parser.add_argument(
        "--out", type=new_path, metavar="DIR", help="folder of runs, in place of output.folder"
    )


def main(args) -> int:
    """Exit code 0; 7 when some of the values failed."""
    one_thread()
    _sensible(args)
    if to_start(args.n):
        return start(args.n, ["try", *_again(args)])
    swept = f"{args.key}={{sweep: {{from: {args.first}, to: {args.last}, step: {args.step}}}}}"
    given = SimpleNamespace(
        job=args.job, set=[*args.set, swept], out=args.out, groups=args.groups,
        folder="", only=None, resume="", notify="",
    )  # fmt: skip
    return sweep.work(given, lambda found: shorten(found, args.frames, args.iterations))


def shorten(found, frames: int | None, iterations: int | None):
    """Let each setting take the frames in the middle, or projections evenly over all, without those that the
    job leaves out; of a reader that can read some rows the middle one, unless the job says which. Its engines
    share so many iterations, as they share those of the job."""
    from nanompi.job.resolve import resolved

    for job in [one.job for one in found.settings]:
        rows = hasattr(job.reader, "rows")
        if rows:
            job.reader.rows = job.reader.rows or "middle 1"
        if frames or not rows:
            job.input.select.keep = f"some:{frames or FRAMES}"
        job.resolved = resolved(job)
    for job in [one.job for one in found.settings] if iterations else ():
        chains = [s.engines for s in job.steps if isinstance(getattr(s, "engines", None), list)]
        whole = sum(e.iterations for chain in chains for e in chain)
        for engine in [e for chain in chains for e in chain if e.iterations]:
            engine.iterations = max(1, round(engine.iterations * iterations / whole))
        job.resolved = resolved(job)


def _again(args) -> list[str]:
    words = [word for text in args.set for word in ("--set", text)]
    for name in ("frames", "iterations", "groups", "out"):
        value = getattr(args, name)
        words += [f"--{name}", str(value)] if value else []
    return [*words, "--", args.job, args.key, args.first, args.last, args.step]


def _sensible(args):
    for name in ("frames", "iterations"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise JobError(f"{name} {value}: it is 1 or more")
