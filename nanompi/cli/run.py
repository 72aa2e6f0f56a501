"""Run a job: alone, on N ranks (-n N starts mpiexec), or as one rank under mpirun or srun."""

from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from nanompi.cli import job_arguments, loudness, new_path, style
from nanompi.errors import JobError
from nanompi.mpi.launcher import announce, announce_end
from nanompi.mpi.mpiexec import one_thread, start, under_launcher


def arguments(parser):
    """Arguments of `nanompi run`."""
    job_arguments(parser)
    loudness(parser)
    parser.add_argument("-n", type=int, metavar="N", help="number of ranks; starts mpiexec by itself")
    parser.add_argument(
        "--out", type=new_path, metavar="DIR", help="folder of runs, in place of output.folder"
    )
    parser.add_argument(
        "--folder", type=new_path, metavar="RUN", help="folder of this one run, in place of a new one"
    )


def main(args) -> int:
    """Exit code of the job, the same from every rank."""
    one_thread()  # before NumPy is loaded
    return on_ranks(args.n, ["run", *_again(args)], partial(_prepare, args), style(args))


def on_ranks(n: int | None, argv: list[str], prepare, how: str = "text") -> int:
    """Work as one rank; or start n ranks that do `nanompi ARGV`. The exit code."""
    if n is not None and n < 1:
        raise JobError(f"-n {n}: the number of ranks is 1 or more")
    if n and n > 1:
        if not under_launcher():
            return start(n, argv)
        _fits(n)
    return work(prepare, how)


def work(prepare, how: str = "text") -> int:
    """What each rank does. prepare() -> (checked job, its folder), done by rank 0; how : style of the log"""
    from nanompi.run.log import Log
    from nanompi.timing import Clock

    clock = Clock.since_start()
    with together(clock) as (team, dog, signals):
        _begin(clock)
        with ExitStack() as stack:
            with clock.phase("start-up"):
                hosts = team.allgather(team.host)
                job, folder, marks = team.on_root(lambda: _held(stack, team.vendor, hosts, *prepare()))
            stack.enter_context(dog.watching(team, clock, folder, job.run.watchdog))
            log = stack.enter_context(Log(team, folder, style=how))
            _restored(stack, log, job, marks, signals, clock)
            if team.root:
                _tell(log, folder)
    return 0


@contextmanager
def together(clock):
    """`with together(clock) as (team, dog, signals):` the ranks know each other, and are watched.

    First of all: what fails on one rank before it, the others do not hear of.
    """
    from nanompi.mpi.signals import Signals

    with clock.phase("import"):
        from nanompi.mpi.team import Team
        from nanompi.run.foreign import blamed
        from nanompi.run.watchdog import Watchdog

    signals = Signals().install()
    with clock.phase("start-up"):
        team = Team()
    with team:
        number = announce(team.rank)
        with Watchdog(team, clock) as dog, blamed():
            yield team, dog, signals
        announce_end(number)


def _begin(clock):
    """All parts that a job can name"""
    with clock.phase("import"):
        import nanompi.run.perform  # noqa: F401  before the first collective verb
        from nanompi.methods import discover

        discover()


def places(hosts: list[str]) -> str:
    """Which ranks are where: "0-1 on node1, 2 on node2"."""
    runs: list[list] = []
    for rank, host in enumerate(hosts):
        if runs and runs[-1][2] == host:
            runs[-1][1] = rank
        else:
            runs.append([rank, rank, host])
    return ", ".join(f"{a}-{b} on {host}" if b > a else f"{a} on {host}" for a, b, host in runs)


def _held(stack, vendor: str, hosts: list[str], job, folder: Path):
    """The folder is locked for this job, which alone is in it (rank 0)."""
    from nanompi.job.folder import begin
    from nanompi.job.identity import identity
    from nanompi.run.lock import Lock

    stack.enter_context(Lock(folder))
    begin(job, folder, vendor, hosts)
    return job, folder, identity(job)


def _restored(stack, log, job, marks: dict, signals, clock):
    """The job from its newest checkpoint, or from the beginning."""
    from nanompi.io import fingerprint
    from nanompi.job.identity import files_named
    from nanompi.report.previews import previews
    from nanompi.run.checkpoint import newest
    from nanompi.run.control import Course
    from nanompi.run.foreign import BROKEN
    from nanompi.run.perform import perform
    from nanompi.run.status import Status

    team, folder = log.team, log.folder
    log(f"{job.name}: {team.size} rank{'s' * (team.size > 1)}, MPI: {team.vendor}; {folder}")
    for why in BROKEN.values():
        log(f"note: {why}; it is left out")
    if team.size > 1:
        log(f"ranks: {places(team.allgather(team.host))}")
    note = stack.enter_context(Status(team, folder, job.name, log.progress))
    course = Course(team, folder, job.run.checkpoint, marks, signals, log.say, log.warn)
    if team.root:
        course.files = stack.enter_context(fingerprint.followed())
    former = newest(team, course.folder, marks, log.warn)
    if former:
        log(course.resume(former))
    if team.root:
        fingerprint.note(*files_named(job))
    run = perform(job, team, folder, log, note, course, clock)
    team.on_root(lambda: previews(run.result, folder / "previews", log.warn))


def _prepare(args):
    """The checked job and its folder (rank 0)."""
    from nanompi.job.folder import claim, named
    from nanompi.job.job import read_job

    job = read_job(args.job, args.set)
    return job, named(args.folder) if args.folder else claim(job, args.out)


def _tell(log, folder: Path):
    """Where the result and the pictures are."""
    results = [p for p in (folder / "result.h5",) if p.exists()]
    for path in [*results, *sorted(folder.rglob("*.png"))]:
        log.wrote(path)


def _again(args) -> list[str]:
    """The arguments for the ranks."""
    sets = [word for text in args.set for word in ("--set", text)]
    own = [word for name in ("out", "folder") if (v := getattr(args, name)) for word in (f"--{name}", v)]
    own += [f"--{style(args)}"] * (style(args) != "text")
    return [*sets, *own, "--", args.job]


def _fits(n: int):
    from nanompi.mpi.team import launched

    if n != launched():
        raise JobError(
            f"-n {n}, but this is already one of {launched()} ranks under mpirun or srun: leave -n out"
        )
