"""Go on with a run that was stopped, from its newest checkpoint, in the same folder and with the same job.

Of a workflow (a folder with workflow.json) all that is missing, was cut off or has failed is run.
"""

import json
import shlex
from functools import partial
from pathlib import Path

from nanompi.cli import loudness, path, settings, style
from nanompi.errors import DataError, JobError
from nanompi.mpi.mpiexec import one_thread, start, to_start
from nanompi.run import notify
from nanompi.run.afterwards import pending


def arguments(parser):
    """Arguments of `nanompi resume`."""
    parser.add_argument("run", type=path, help="run folder; or the name of a job, for its latest run")
    parser.add_argument("-n", type=int, metavar="N", help="number of ranks; starts mpiexec by itself")
    parser.add_argument("--stage", default="", metavar="NAME", help="of a workflow: this stage alone")
    parser.add_argument("--chunk", type=int, metavar="K", help="of a stage: this chunk alone (from 0)")
    settings(parser)
    loudness(parser)
    notify.argument(parser)


def main(args) -> int:
    """Exit code of the job, the same from every rank; 0 when it is finished already."""
    one_thread()  # before NumPy is loaded
    from nanompi.report.workflow import is_workflow

    folder = found(args.run)
    if is_workflow(folder):
        return _workflow(args, folder)
    if args.stage or args.chunk is not None:
        raise JobError(f"--stage, --chunk: {folder} is no workflow, it has no stages")
    if (folder / "result.h5").exists() and not pending(folder):
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


def _workflow(args, folder: Path) -> int:
    """The same for a workflow."""
    if args.set:
        raise JobError(
            f"--set {args.set[0]}: the jobs of a workflow stay as they are; run it in a new folder"
        )
    if args.chunk is not None and not args.stage:
        raise JobError(f"--chunk {args.chunk}: of which stage? Name it by --stage")
    if to_start(args.n):
        words = [w for name in ("stage", "chunk") if (v := getattr(args, name)) not in ("", None)
                 for w in (f"--{name}", str(v))]  # fmt: skip
        words += [f"--{style(args)}"] * (style(args) != "text")
        with notify.told(args.notify) as ended:
            ended.code = start(args.n, ["resume", *words, "--", str(folder)])
        return ended.code
    from nanompi.methods import discover
    from nanompi.run.life import together

    with together(discover) as ranks, notify.told(args.notify, ranks.team):
        from nanompi.workflow.stages.work import Voice, perform

        perform(ranks, partial(_begun, args, folder), Voice(style(args)))
    return 0


def _begun(args, folder: Path, stack):
    """The part of the workflow that is asked for; of a chunk its items are locked, else all of it."""
    from nanompi.run.lock import Lock
    from nanompi.workflow.stages.folder import read
    from nanompi.workflow.stages.work import Part, command

    part = Part(read(folder), args.stage, args.chunk)
    for stage in part.folder.stages:
        if not stage.path.is_dir():
            raise DataError(
                f"{stage.path}: the folder of the stage {stage.name} is gone; it is written anew by: nanompi "
                f"run WORKFLOW.yaml --folder {shlex.quote(str(folder))}, with the file of this workflow"
            )
    if args.chunk is None:
        stack.enter_context(Lock(folder / args.stage))
    return part, _submitted(folder, args.stage) or command(folder, args.stage, args.chunk)


def _submitted(folder: Path, stage: str) -> str:
    """Of a task that `nanompi submit` made: the command that takes up what is missing; else "" """
    from nanompi.report.workflow import SCRIPT
    from nanompi.run.status import slurm_job

    own = slurm_job() and (folder / stage / SCRIPT).is_file()
    return f"nanompi submit {shlex.quote(str(folder))}" if own else ""


def found(name: str) -> Path:
    """The folder of the run or workflow that is meant. Errors: JobError."""
    tries = [Path(name), Path(name) / "latest", Path("runs") / name / "latest"]
    for folder in tries:
        if any((folder / own).is_file() for own in ("job.resolved.yaml", "workflow.json")):
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
