"""Watch a folder: each new complete file in it becomes a run of JOB, one after the other, or goes to Slurm.

A file is complete when its size and time have stood still, no program holds it open for writing, and
`nanompi check` finds no fault in JOB with this file as its input. What is known of each file stands on disk,
beside the runs: a watcher that was ended, in whatever way, is started by the same words and goes on. Ctrl-C
or TERM ends it; a run that is at work keeps its state then, and the next watcher goes on with it. Files that
were there at the very first start are left (--all takes them).
"""

import json
import os
import select
import signal
import sys
import time
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from nanompi.cli import job_arguments, new_path, path
from nanompi.errors import JobError, ResourceError, shown
from nanompi.units import quantity
from nanompi.workflow.folder.options import Options

DEFAULT = Options()


def arguments(parser):
    """Arguments of `nanompi watch-folder`."""
    parser.add_argument("folder", type=path, metavar="DIR", help="folder into which files come")
    job_arguments(parser)
    _of_runs(parser)
    _of_files(parser)
    parser.add_argument("--list", action="store_true", help="print what is known of each file, and end")
    parser.add_argument(
        "--again", nargs="+", metavar="NAME", default=[],
        help="try these files again (failed: all that have failed), by the watcher at work, or the next",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="tell events, a JSON object in each line")


def _of_runs(parser):
    parser.add_argument("-n", type=int, metavar="N", help="number of ranks of a run")
    parser.add_argument("--submit", action="store_true", help="hand each run to Slurm")
    parser.add_argument("--time", metavar="TIME", help="with --submit: wall time (`time` of the site)")
    parser.add_argument(
        "--site", type=path, metavar="FILE", help="with --submit: site file (slurm/site.yaml)"
    )
    parser.add_argument(
        "--out", type=new_path, metavar="DIR", help="folder of runs, in place of output.folder"
    )
    parser.add_argument(
        "--key", default="input.file", metavar="PATH", help="where in JOB the file goes (input.file)"
    )


def _of_files(parser):
    parser.add_argument(
        "--pattern", action="append", metavar="GLOB",
        help='names of the files, as often as wanted: "*_master.h5", "*/*.cxi", "**/*.nxs" (all scans)',
    )  # fmt: skip
    parser.add_argument(
        "--all", action="store_true", help="at the first start: also the files that are there"
    )
    parser.add_argument("--once", action="store_true", help="take what is there now, and end")
    parser.add_argument(
        "--live", action="store_true",
        help="ptychography: also files that still grow (HDF5 SWMR), by rounds over the frames so far",
    )  # fmt: skip
    for name, text in (
        ("every", "time between two looks"),
        ("still", "time in which a file must not have changed"),
        ("patience", "time after which a file that stands still and is no whole scan has failed"),
    ):
        value = getattr(DEFAULT, name)
        text += f": 20, 20s, 10min ({value:g} s)"
        parser.add_argument(f"--{name}", default=value, metavar="TIME", help=text)
    for name, unit, text in (
        ("growth", "X", "with --live: a round when there are so many times the frames of the last"),
        ("least", "N", "with --live: frames of the first round"),
    ):
        kind, value = type(getattr(DEFAULT, name)), getattr(DEFAULT, name)
        parser.add_argument(f"--{name}", type=kind, default=value, metavar=unit, help=f"{text} ({value:g})")


def main(args) -> int:
    """Exit code 0; 7 where files have failed, 75 where a run was stopped that the next watcher goes on with;
    2 for faults, 4 where another watcher has the folder."""
    _check(args)
    from nanompi.workflow.folder.state import place
    from nanompi.workflow.folder.task import Template

    template = Template.of(args.job, args.key, args.set, args.out or "")
    watched = os.path.realpath(args.folder)
    folder = place(template.runs.absolute(), watched)
    if args.list or args.again:
        return _known(args, folder, watched)
    if not os.path.isdir(watched):
        raise JobError(f"{args.folder}: there is no such folder; name the one into which files come")
    return _watch(args, template, folder, watched)


def _check(args):
    """Times become seconds. Errors: JobError for numbers that cannot be, and for words that do not go
    together."""
    for name in ("every", "still", "patience"):
        setattr(args, name, _seconds(name, getattr(args, name)))
    for name, least in (("every", 0.05), ("still", 0), ("patience", 0), ("growth", 1), ("least", 1)):
        if not least <= getattr(args, name) < 1e9:
            raise JobError(f"--{name} {getattr(args, name)}: a number from {least} on")
    if args.n is not None and args.n < 1:
        raise JobError(f"-n {args.n}: the number of ranks is 1 or more")
    for pattern in args.pattern or ():
        if not pattern or pattern.startswith("/") or {"", ".", ".."} & set(pattern.split("/")):
            raise JobError(f'--pattern "{shown(pattern, 100)}": names below DIR, such as "*.h5" or "*/*.cxi"')
    if args.submit and args.live:
        raise JobError("--live makes its rounds here: leave --submit out")
    if (args.time or args.site) and not args.submit:
        raise JobError("--time and --site are of Slurm: write --submit, too")
    if args.submit:
        from nanompi.cluster.slurm import need_sbatch

        need_sbatch()


def _seconds(name: str, text) -> float:
    try:
        return quantity(text, "s", "s")
    except JobError as error:
        raise JobError(f"--{name}: {error}") from None


def _watch(args, template, folder: Path, watched: str) -> int:
    from nanompi.job.folder import writing
    from nanompi.run.lock import Lock
    from nanompi.workflow.folder.child import Child
    from nanompi.workflow.folder.state import State
    from nanompi.workflow.folder.task import Task
    from nanompi.workflow.folder.watcher import Watcher

    _check_job(args, template)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder, Lock), Rest() as rest:
        tell = Teller(args.json)
        state = State(folder, watched, os.path.abspath(args.job))
        task = Task(template, Child(folder / "last.txt"), _words(args), args.submit)
        tell("watching", reason=f"{shown(watched, 300)}; state in {folder}")
        rest.child = task.child
        return Watcher(watched, state, task, _options(args), tell, rest, rest.stopped).work()


def _check_job(args, template):
    """Errors: JobError for what is wrong with the job, whatever file comes."""
    import tempfile

    from nanompi.workflow.folder.child import Child
    from nanompi.workflow.folder.task import Task

    with tempfile.TemporaryDirectory() as place:
        if why := Task(template, Child(Path(place) / "said.txt")).faults():
            raise JobError(f"{args.job}: {why}")


@contextmanager
def _alone(folder: Path, lock):
    """Errors: ResourceError where another watcher has the folder."""
    try:
        held = lock(folder)
    except ResourceError as error:
        raise ResourceError(
            f"another watcher of this folder, with runs in the same place, is at work: {error}"
        ) from None
    with held:
        yield


def _options(args) -> Options:
    own = {name: getattr(args, name) for name in ("every", "still", "patience", "once", "live")}
    patterns = tuple(args.pattern or DEFAULT.patterns)
    return Options(patterns=patterns, old=args.all, growth=args.growth, least=args.least, **own)


def _words(args) -> list[str]:
    """Of `nanompi run` or `nanompi submit`."""
    given = {"-n": args.n, "--time": args.time, "--site": args.site}
    return [word for name, value in given.items() if value is not None for word in (name, str(value))]


def _known(args, folder: Path, watched: str) -> int:
    """--list and --again."""
    from nanompi.job.folder import writing
    from nanompi.run.lock import holder
    from nanompi.workflow.folder.state import State, ask_again, known

    if not (folder / "state.json").is_file():
        raise JobError(
            f"no watcher has looked at {watched} for this job yet: there is no {folder}/state.json"
        )
    state = State(folder, watched, args.job)
    if args.again:
        names = known(state, args.again)
        if not names:
            print("no file has failed: nothing is tried again")
            return 0
        with writing(folder):
            ask_again(folder, names)
        when = "by the watcher that is at work" if holder(folder) else "by the next watcher"
        for name in names:
            print(f"{shown(name, 300)}: will be tried again {when}")
        return 0
    for name, entry in sorted(state.entries.items()):
        print(json.dumps({"file": name, **vars(entry)}) if args.json else _line(name, entry))
    return 0


def _line(name: str, entry) -> str:
    code = f" ({entry.code})" if entry.state in ("failed", "waiting") and entry.code else ""
    words = [f"{entry.state}{code}", _short(entry.run), entry.reason]
    return f"{shown(name, 300)}: {'; '.join(filter(None, words))}"


def _short(run: str) -> str:
    """A run folder from here, where it is below."""
    here = os.getcwd() + os.sep
    return run.removeprefix(here)


class Teller:
    """Tells one line an event."""

    def __init__(self, as_json: bool):
        self.as_json = as_json

    def __call__(self, event: str, name: str = "", **facts):
        facts = {key: value for key, value in facts.items() if value not in ("", 0, None)}
        if self.as_json:
            now = datetime.now().astimezone().isoformat(timespec="seconds")
            print(json.dumps({"time": now, "event": event, **({"file": name} if name else {}), **facts}))
        else:
            head = f"{shown(name, 300)}: {event}" if name else event
            print(f"{time.strftime('%H:%M:%S')}  {head}{_words_of(facts)}")
        sys.stdout.flush()


def _words_of(facts: dict) -> str:
    """ " (3), good, 40 frames: runs/x/run-0001; why" """
    code = f" ({facts['code']})" if "code" in facts else ""
    count = [
        f"{facts[key]} {word}" for key, word in (("count", "files"), ("frames", "frames")) if key in facts
    ]
    job = [f"Slurm job {facts['slurm_job']}"] if "slurm_job" in facts else []
    more = [*([facts["verdict"]] if "verdict" in facts else []), *count, *job]
    tail = "; ".join(filter(None, [_short(facts.get("run", "")), facts.get("reason", "")]))
    return code + "".join(f", {one}" for one in more) + (f": {tail}" if tail else "")


class Rest:
    """Waits; INT, TERM and HUP end the waiting and all that follows, and go on to the run that is at work."""

    def __init__(self):
        self.child, self.number = None, 0

    def __enter__(self):
        from nanompi.mpi.signals import ASKS, heeded

        self.ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.before = {number: signal.signal(number, self._come) for number in heeded(ASKS)}
        return self

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)
        for end in self.ends:
            os.close(end)

    def __call__(self, seconds: float):
        """Wait so long, or until a signal comes."""
        if not self.number:
            select.select([self.ends[0]], [], [], seconds)

    def stopped(self) -> bool:
        """Has a signal come?"""
        return self.number != 0

    def _come(self, number: int, _frame):
        self.number = number
        with suppress(OSError):
            os.write(self.ends[1], b".")
        if self.child:
            self.child.stop(signal.SIGTERM)
