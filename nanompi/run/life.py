"""The life of a run, from the start of its ranks to its last file: written once for run, resume and sweep.

with together(discover) as ranks:
    live(ranks, prepare, [pictures])

`attended` takes the place of `together` inside a program of the user's (`nanompi.api`).
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from nanompi.mpi.launcher import announce, announce_end
from nanompi.mpi.signals import Signals
from nanompi.run import notify
from nanompi.timing import Clock


@dataclass
class Ranks:
    """The ranks of this program, and what looks after them.

    dog : nanompi.run.watchdog.Watchdog, None = somebody sees to the run
    signals : what asks the run to stop, None = it keeps no checkpoints; out : of the log, None = stdout
    """

    team: Any
    clock: Clock
    dog: Any
    signals: Any = None
    out: Any = None


@contextmanager
def together(discover: Callable) -> Iterator[Ranks]:
    """`with together(discover) as ranks:` the ranks know each other, and are watched.

    discover : imports all that a job can name (`nanompi.methods.discover`)
    First of all: what fails on one rank before it, the others do not hear of.
    """
    clock, signals = Clock.since_start(), Signals().install()
    with clock.phase("import"):
        from nanompi.mpi.team import Team
        from nanompi.run.foreign import blamed
        from nanompi.run.watchdog import Watchdog

    with clock.phase("start-up"):
        team = Team()
    with team:
        number = announce(team.rank)
        with Watchdog(team, clock) as dog, blamed():
            with clock.phase("import"):
                import nanompi.run.perform  # noqa: F401  before the first collective verb

                discover()
            yield Ranks(team, clock, dog, signals)
        announce_end(number)


@contextmanager
def attended(discover: Callable, out) -> Iterator[Ranks]:
    """`with attended(discover, out) as ranks:` the same inside a program of the user's, which goes on then.

    Errors come as exceptions, no watchdog looks, an interrupt ends iterations early; libraries have one
    thread each, as on the command line, until it ends. out : stream of the log
    """
    clock = Clock()
    with clock.phase("import"):
        from nanompi.mpi.guard import guest
        from nanompi.mpi.team import Team
        from nanompi.run.attended import Interrupts, one_thread_each
        from nanompi.run.foreign import blamed

    with clock.phase("start-up"):
        team = Team()
    with guest(team), one_thread_each(), Interrupts().heard() as signals, blamed():
        with clock.phase("import"):
            import nanompi.run.perform  # noqa: F401  before the first collective verb

            discover()
        yield Ranks(team, clock, None, signals, out)


def live(ranks: Ranks, prepare: Callable, writers=(), style: str = "text", reuse=None, last=None):
    """One run in a folder of its own (collective); what it gives is a `nanompi.run.perform.Run`.

    prepare : prepare(vendor, hosts), a context manager that rank 0 alone enters: (checked job, its folder,
        marks, files); the folder is locked and holds the job as long as it is open (`nanompi.job.folder`).
        None in its place: nothing is written
    writers : called with the run after its result has been written, by every rank
    style   : of the log on the screen; reuse : nanompi.run.reuse.Reuse, in a sweep
    last    : called by rank 0 with the folder and the log when the run has ended, well or not
    """
    from nanompi.device import open_device
    from nanompi.mpi.guard import outspoken
    from nanompi.run.log import Log
    from nanompi.run.perform import Run, perform
    from nanompi.run.reuse import Reuse
    from nanompi.run.status import Status

    team, clock, reuse = ranks.team, ranks.clock, reuse or Reuse()
    with ExitStack() as stack:
        with clock.phase("start-up"):
            hosts = team.allgather(team.host)
            begun = team.on_root(lambda: stack.enter_context(prepare(team.vendor, hosts)))
        job, folder, marks, files = begun
        if ranks.dog:
            notify.here(folder)
            stack.enter_context(ranks.dog.watching(team, clock, folder, job.run.watchdog))
        log = stack.enter_context(Log(team, folder, ranks.out, style=style))
        _introduce(log, job, hosts)
        if team.root and last:
            stack.callback(last, folder, log)
        note = stack.enter_context(Status(team, folder, job.name, log))
        run = Run(team, None, job.run, folder, job.name, clock=clock, say=log, warn=log.warn, note=note)
        if ranks.signals:
            run.control = stack.enter_context(_control(ranks, run, marks, files))
        team.count_in(clock)
        with clock.phase("import"):
            run.device = reuse.device or open_device(job.run, team, log)
        if not ranks.dog:
            stack.callback(run.device.close)
        with outspoken(team):
            perform(job, run, writers, reuse)
        if team.root and folder:
            _name_files(log, folder)
    return run


def _introduce(log, job, hosts: list[str]):
    """Who runs what, and where, in the log"""
    from nanompi.run.foreign import BROKEN

    team = log.team
    where = log.folder or "in memory"
    log(f"{job.name}: {team.size} rank{'s' * (team.size > 1)}, MPI: {team.vendor}; {where}")
    for why in BROKEN.values():
        log(f"note: {why}; it is left out")
    if team.size > 1:
        log(f"ranks: {places(hosts)}")


def places(hosts: list[str]) -> str:
    """Which ranks are where: "0-1 on node1, 2 on node2"."""
    runs: list[list] = []
    for rank, host in enumerate(hosts):
        if runs and runs[-1][2] == host:
            runs[-1][1] = rank
        else:
            runs.append([rank, rank, host])
    return ", ".join(f"{a}-{b} on {host}" if b > a else f"{a} on {host}" for a, b, host in runs)


@contextmanager
def _control(ranks, run, marks: dict, files: list):
    """What keeps the state of the run and stops it, with the newest checkpoint of this job, if there is one;
    all files that are read meanwhile are noted (collective)."""
    from nanompi.io import fingerprint
    from nanompi.run.attended import Attended
    from nanompi.run.checkpoint import newest
    from nanompi.run.control import Control

    with ExitStack() as stack:
        control = (Control if ranks.dog else Attended)(run, marks, ranks.signals)
        if not run.folder:
            yield control
            return
        if run.team.root:
            control.files = stack.enter_context(fingerprint.followed())
        if saved := newest(run.team, control.folder, marks, run.warn):
            run.say(control.resume(saved))
        if run.team.root:
            fingerprint.note(*files)
        yield control


def _name_files(log, folder):
    """Where the result and the pictures are."""
    results = [p for p in (folder / "result.h5",) if p.exists()]
    for path in [*results, *sorted(folder.rglob("*.png"))]:
        log.wrote(path)
