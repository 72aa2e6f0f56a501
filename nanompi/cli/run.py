"""Run a job: alone, on N ranks (-n N starts mpiexec), or as one rank under mpirun or srun."""

import signal
from pathlib import Path

from nanompi.cli import job_arguments
from nanompi.cli.launch import one_thread, start, under_launcher
from nanompi.errors import JobError


def arguments(parser):
    """Arguments of `nanompi run`."""
    job_arguments(parser)
    parser.add_argument("-n", type=int, metavar="N", help="number of ranks; starts mpiexec by itself")
    parser.add_argument("--out", default="", metavar="DIR", help="folder of runs, in place of output.folder")
    parser.add_argument(
        "--folder", default="", metavar="RUN", help="folder of this one run, in place of a new one"
    )


def main(args) -> int:
    """Exit code of the job, the same from every rank."""
    one_thread()  # before NumPy is loaded
    if args.n is not None and args.n < 1:
        raise JobError(f"-n {args.n}: the number of ranks is 1 or more")
    if args.n and args.n > 1:
        if not under_launcher():
            return start(args.n, ["run", *_again(args)])
        _fits(args.n)
    return work(args)


def work(args) -> int:
    """What each rank does."""
    from nanompi.team import Team

    _end_by_signals()
    with Team() as team:  # first of all: what fails before it on one rank alone, the others do not hear of
        from nanompi.events import Status
        from nanompi.progress import Log
        from nanompi.report.previews import previews
        from nanompi.run import perform
        from nanompi.step import discover

        discover()
        hosts = team.allgather(team.host)
        job, folder = team.on_root(lambda: _prepare(args, team.vendor, hosts))
        with Log(team, folder) as log, Status(team, folder, job.name) as note:
            log(f"{job.name}: {team.size} rank{'s' * (team.size > 1)}, MPI: {team.vendor}; {folder}")
            if team.size > 1:
                log(f"ranks: {places(hosts)}")
            run = perform(job, team, folder, log, note)
            team.on_root(lambda: previews(run.result, folder / "previews"))
        if team.root:
            _tell(folder)
    return 0


def places(hosts: list[str]) -> str:
    """Which ranks are where: "0-1 on node1, 2 on node2"."""
    runs: list[list] = []
    for rank, host in enumerate(hosts):
        if runs and runs[-1][2] == host:
            runs[-1][1] = rank
        else:
            runs.append([rank, rank, host])
    return ", ".join(f"{a}-{b} on {host}" if b > a else f"{a} on {host}" for a, b, host in runs)


def _prepare(args, vendor: str, hosts: list[str]):
    """The checked job and its new folder (rank 0)."""
    from nanompi.job.folder import begin, claim
    from nanompi.job.job import read_job

    job = read_job(args.job, args.set)
    folder = Path(args.folder) if args.folder else claim(job, args.out)
    begin(job, folder, vendor, hosts)
    return job, folder


def _tell(folder: Path):
    """Where the result and the pictures are."""
    results = [p for p in (folder / "result.h5",) if p.exists()]
    for path in [*results, *sorted(folder.rglob("*.png"))]:
        print(path, flush=True)


def _again(args) -> list[str]:
    """The arguments for the ranks."""
    sets = [word for text in args.set for word in ("--set", text)]
    own = [word for name in ("out", "folder") if (v := getattr(args, name)) for word in (f"--{name}", v)]
    return [*sets, *own, "--", args.job]


def _fits(n: int):
    from nanompi.team import launched

    if n != launched():
        raise JobError(
            f"-n {n}, but this is already one of {launched()} ranks under mpirun or srun: leave -n out"
        )


def _end_by_signals():
    """Ctrl-C and SIGTERM end a rank with 130 and 143 and no traceback."""

    def end(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
