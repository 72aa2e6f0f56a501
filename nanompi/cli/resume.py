"""Go on with a run that was stopped, from its newest checkpoint, in the same folder and with the same job."""

import json
from functools import partial
from pathlib import Path

from nanompi.cli import loudness, path, settings, style
from nanompi.errors import JobError
from nanompi.mpi.mpiexec import one_thread, start, to_start
from nanompi.run import notify


def arguments(parser):
    """Arguments of `nanompi resume`."""
    parser.add_argument("run", type=path, help="run folder; or the name of a job, for its latest run")
    parser.add_argument("-n", type=int, metavar="N", help="number of ranks; starts mpiexec by itself")
    settings(parser)
    loudness(parser)
    notify.argument(parser)


def main(args) -> int:
    """Exit code of the job, the same from every rank; 0 when it is finished already."""
    one_thread()  # before NumPy is loaded
    folder = found(args.run)
    if (folder / "result.h5").exists():
        event = {"event": "file", "path": str(folder / "result.h5")}
        print(json.dumps(event) if args.json else f"{folder} is finished: {event['path']}", flush=True)
        return 0
    if to_start(args.n):
        sets = [word for text in args.set for word in ("--set", text)]
        words = ["resume", *sets, *[f"--{style(args)}"] * (style(args) != "text"), "--", args.run]
        with notify.told(args.notify) as ended:
            ended.code = start(args.n, words)
        return ended.code
    from nanompi.methods import discover
    from nanompi.run.life import live, together

    with together(discover) as ranks, notify.told(args.notify, ranks.team):
        from nanompi.report.at_the_end import at_the_end
        from nanompi.report.figures import pictures
        from nanompi.report.live import LiveView

        live(
            ranks, partial(_prepared, folder, args.set), [LiveView(), pictures], style(args), last=at_the_end
        )
    return 0


def found(name: str) -> Path:
    """The run folder that is meant. Errors: JobError."""
    tries = [Path(name), Path(name) / "latest", Path("runs") / name / "latest"]
    for folder in tries:
        if (folder / "job.resolved.yaml").is_file():
            return folder.resolve() if folder.is_symlink() else folder
    if newest := _newest(Path("runs") / name) or _newest(Path(name)):
        return newest
    raise JobError(
        f"{name}: there is no run; a run folder holds job.resolved.yaml. "
        f"Looked at {', '.join(map(str, tries))}"
    )


def _newest(parent: Path) -> Path | None:
    """The run that was started last. Those of slurm/run.sbatch, under the Slurm job's name, have no link."""
    begun = [(p.stat().st_mtime, p) for p in parent.glob("*/environment.json")]
    return max(begun)[1].parent if begun else None


def _prepared(folder: Path, sets: list[str], vendor: str, hosts: list[str]):
    """The job as it was but for what changes nothing beyond rounding, in its folder (rank 0)."""
    from nanompi.job.folder import held
    from nanompi.job.identity import identity
    from nanompi.job.job import read_job

    file = str(folder / "job.resolved.yaml")
    job = read_job(file, sets)
    if sets and identity(job) != identity(read_job(file)):
        raise JobError(
            f"--set {' --set '.join(sets)}: a resumed run goes on with the job as it was; only run.* "
            "may change (device, threads, checkpoint ...) and what of a step changes nothing but "
            "rounding. For another job start another run"
        )
    return held(job, folder, vendor, hosts)
