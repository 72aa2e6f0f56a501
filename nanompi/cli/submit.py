"""Submit a job to Slurm: a batch script from the job and slurm/site.yaml, shown or given to sbatch."""

from dataclasses import replace
from pathlib import Path

from nanompi.cli import job_arguments, new_path, path
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
        "--folder", type=new_path, metavar="RUN", help="folder of this one run, in place of a new one"
    )
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
    from nanompi.methods import discover

    discover()
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


def asked(here, args):
    """The site with what the command line says."""
    if args.n is not None and args.n < 1:
        raise JobError(f"-n {args.n}: the number of ranks is 1 or more")
    try:
        return replace(here, ranks=args.n or here.ranks, time=args.time or here.time)
    except JobError as e:
        raise JobError(f"--time {args.time}: {e}") from None
