"""Submit a job to Slurm: a batch script from the job and slurm/site.yaml, shown or given to sbatch.

A job file with `stages:` becomes a job for each stage, behind those that it needs, an array where it has a
`foreach`. The folder of a workflow that was begun, in place of a job file: what is missing of it.
"""

import os
from dataclasses import replace
from pathlib import Path

from nanompi.cli import job_arguments, new_path, no_reuse, path, reuse_argument
from nanompi.cluster import slurm
from nanompi.cluster.submit import batch, submit
from nanompi.errors import JobError
from nanompi.run import notify
from nanompi.units import clock, seconds


def arguments(parser):
    """Arguments of `nanompi submit`."""
    job_arguments(parser)
    parser.add_argument("-n", type=int, metavar="RANKS", help="number of ranks (`ranks` of the site)")
    site_arguments(parser)
    parser.add_argument(
        "--out", type=new_path, metavar="DIR", help="folder of runs, in place of output.folder"
    )
    parser.add_argument(
        "--folder", type=new_path, metavar="RUN", help="folder of this run or workflow, in place of a new one"
    )
    reuse_argument(parser)
    parser.add_argument("--dry", action="store_true", help="print the script and do nothing")
    notify.argument(parser)


def site_arguments(parser):
    """What the site says, on the command line."""
    parser.add_argument("--time", metavar="TIME", help="wall time: 30min, 4h, 4:00:00 (`time` of the site)")
    parser.add_argument("--site", type=path, metavar="FILE", help="site file (slurm/site.yaml)")


def main(args) -> int:
    """Exit code 0; 2 for faults of job or site file, 4 without sbatch or when it refuses."""
    from nanompi.cluster.site import site
    from nanompi.job.job import read_job
    from nanompi.job.kind import is_workflow
    from nanompi.methods import discover

    discover()
    if Path(args.job).is_dir() or is_workflow(args.job):
        return _workflow(args)
    no_reuse(args)
    job = read_job(args.job, args.set)
    here, source = site(args.site)
    here = asked(here, args)
    if args.dry:
        next_run = Path(args.out or job.output.folder) / job.name / "run-NNNN"
        folder = Path(args.folder or next_run).absolute()
        print(slurm.script(batch(job.name, folder, here, source, args.notify), here), end="")
        return 0
    slurm.need_sbatch()
    folder, number = submit(job, here, source, args.out, args.notify, args.folder)
    print(f"job     {number}: {job.name}, {here.ranks} ranks for {clock(seconds(here.time))}")
    print(f"folder  {folder}   (script run.sbatch, log slurm-{number}.log)")
    print(f"look    nanompi watch {folder}   or   squeue --job={number}")
    return 0


def _workflow(args) -> int:
    """Submit a workflow, or what is missing of one that was begun."""
    from nanompi.cluster.site import site
    from nanompi.workflow.stages import script
    from nanompi.workflow.stages.reuse import workflow_of

    here, source = site(args.site)
    here = script.Here(asked(here, args), source, args.notify)
    flow, workflow = _flow(args)
    old = workflow_of(args.reuse) if args.reuse else None
    texts = {stage.name: script.text(flow, stage, here) for stage in flow.stages}  # the faults of all
    if args.dry:
        told = [f"# {words}\n{texts[stage.name]}" for stage, words in script.commands(flow)]
        print("\n".join(told) or f"# nothing is missing in {flow.path}\n", end="")
        return 0
    slurm.need_sbatch()
    if workflow:
        flow, sent, lines = script.begin(workflow, here, args.out, args.folder or "", old)
        print(*lines, sep="\n", end="\n" * bool(lines))
    else:
        sent = script.submit(flow, here)
    _told(flow, sent)
    return 0


def _flow(args):
    """(the workflow in its folder, None), or (as it would stand in the next one, the checked workflow)"""
    from nanompi.job.stages import read_workflow
    from nanompi.workflow.stages import folder

    if not Path(args.job).is_dir():
        workflow = read_workflow(args.job, args.set)
        where = Path(args.out or workflow.output.folder) / workflow.name / "workflow-NNNN"
        return folder.foreseen(workflow, Path(args.folder or where).absolute()), workflow
    for name in ("set", "out", "folder", "reuse"):
        if getattr(args, name):
            raise JobError(f"--{name}: {args.job} is a workflow that was begun: its jobs stay as they are")
    return folder.read(Path(args.job).resolve()), None


def _told(flow, sent: list):
    """Which job does what, and where"""
    where = os.path.relpath(flow.path)
    for one in sent:
        print(f"job     {one.job}: {flow.name}, {one.stage}: {one.words}")
    if not sent:
        print(f"folder  {where}: all items are there, nothing was submitted")
        return
    print(f"folder  {where}   (of each stage script stage.sbatch, log slurm-TASK.log)")
    print(f"look    nanompi watch {where}   or   squeue --me")


def asked(here, args):
    """The site with what the command line says."""
    if args.n is not None and args.n < 1:
        raise JobError(f"-n {args.n}: the number of ranks is 1 or more")
    try:
        return replace(here, ranks=args.n or here.ranks, time=args.time or here.time)
    except JobError as e:
        raise JobError(f"--time {args.time}: {e}") from None
