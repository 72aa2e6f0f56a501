"""One run of the program of a step `shell`: started by rank 0, heard by all, and what it gave."""

import hashlib
import json
import os
import shlex
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from nanompi.errors import ResourceError, StepError
from nanompi.io.atomic import own_folder, remove, write_text
from nanompi.methods.own import handed
from nanompi.methods.own.command import about_file, files_of, found, python, text_of
from nanompi.methods.own.program import SHOWN, Program, why_not
from nanompi.mpi.children import around
from nanompi.run.store import plain
from nanompi.units import show

TURN = 0.25  # seconds after which the ranks hear that the program still runs
KEPT = ".shell"  # folder in that of a run, with what programs gave until the result is written
NOTES = "programs"


class Work:
    """One run of the program, on rank 0. step : `nanompi.methods.own.shell.ShellStep`; files : {"in": path,
    "out": path}; place : its scratch folder"""

    def __init__(self, step, run, files: dict, place: Path | None):
        self.step, self.run, self.files, self.place = step, run, files, place
        self.program, self.mark, self.number = None, "", len(run.result.notes.get(NOTES, [])) + 1
        self.found: handed.Given | None = None

    # ---- the command ---------------------------------------------------------------------------------------

    @property
    def folder(self) -> str:
        """Where the program begins."""
        return self.step.folder or os.getcwd()

    def words(self, **files) -> list[str]:
        """Program and arguments."""
        own = {"threads": len(os.sched_getaffinity(0)), "python": python()}
        own["run"] = str(Path(self.run.folder).absolute()) if self.run.folder else str(self.place)
        words = self.step.text.filled({**files, **own, **self.step.values})
        return [found(words, self.folder, os.environ.get("PATH", os.defpath)), *words[1:]]

    def marked(self, array) -> str:
        """What this run of the program depends on: data, command, program, the files that it names."""
        text = hashlib.blake2b()
        if array is not None:
            if handed.looked_at(array, array.dtype, text):
                self.run.say(f"note: {self.step.name}: some values of the data are NaN or infinite")
        words = self.words(**{"in": "in", "out": "out", "run": "run", "threads": 1})
        files = [about_file(path) for path in (words[0], *files_of(words, self.folder))]
        text.update(json.dumps([words, files, self.step.command, self.step.out_kind]).encode())
        return text.hexdigest()

    # ---- the run -------------------------------------------------------------------------------------------

    def done(self, data):
        """Run the program, and look at what it gave (collective); None where it gives no data."""
        self.perform()
        return self.run.team.on_root(lambda: self.read(data)) if self.step.gives_back else None

    def perform(self):
        """Start it and wait for its end, the other ranks asleep (collective)."""
        run, team = self.run, self.run.team
        run.note(self.step.name)
        try:
            team.on_root(self.start)
            while team.on_root(self.goes_on):
                if run.control and run.control.interrupted():
                    self.interrupted()
        finally:
            if self.program:
                self.program.end()
        team.on_root(self.ended)

    def start(self):
        """Rank 0: the program begins."""
        run, name = self.run, self.step.name
        words = self.words(**{word: str(path) for word, path in self.files.items() if path})
        file = Path(run.folder) / "logs" / f"shell-{self.number}.log" if run.folder else None
        self.about = {"step": name, "command": words, "asked": self.step.command, "folder": self.folder}
        self.about["values"] = {key: text_of(value) for key, value in self.step.values.items()}
        self.about["program"] = about_file(words[0])
        self.about["files"] = [about_file(path) for path in files_of(words, self.folder)
                               if Path(path) not in self.files.values()]  # fmt: skip
        run.say(f"{name}: {shlex.join(words)}")
        self.log = file
        environment = around() | {"PWD": self.folder}
        self.program = Program(words, self.folder, environment, file, self.place)

    def goes_on(self) -> bool:
        """Rank 0: a moment later, does it still run? What it has printed goes to the log."""
        with self.run.clock.phase("program"):
            runs = self.program.runs(TURN)
        for line in self.program.new_lines():
            self.run.say(f"{self.step.name}: {line}")
        limit = self.step.limit
        if runs and limit and self.program.seconds > limit:
            self.program.end()
            raise self.failed(f"it was ended after {show(limit, 's')} (`limit:`)")
        return runs

    def interrupted(self):
        """The run is asked to stop while the program runs (collective). Errors: Stopped, StepError."""
        if self.program:
            self.program.end()
        if self.step.when == "after":
            raise self.step.failed("it was ended by a signal; the result stands")
        self.run.control.stop(f"while {self.step.name} ran, which begins again")

    def ended(self):
        """Rank 0: how it ended. Errors: StepError with its last lines."""
        program, name = self.program, self.step.name
        self.program, outcome = None, program.outcome
        if why := why_not(outcome):
            self.program = program
            raise self.failed(why)
        self.about |= {"code": 0, "seconds": outcome["seconds"], "cpu": outcome["cpu"]}
        self.about |= {"peak_memory": outcome["memory"], "lines": program.count}
        self.last = list(program.last)
        if program.count > SHOWN:
            where = f"; all are in {self.log}" if self.log else ""
            self.run.say(f"{name}: {program.count - SHOWN} more lines{where}")
        if outcome["left"]:
            self.run.warn(f"{name}: {outcome['left']} processes that it left behind were ended")
        self.run.say(f"{name}: {outcome['seconds']:.1f} s, {outcome['cpu']:.1f} s of CPU, peak memory "
                     f"{show(outcome['memory'], 'B')}")  # fmt: skip
        self.note()

    def failed(self, why: str) -> StepError:
        """The error, with the last lines of the program."""
        last = list(self.program.last) if self.program else self.last
        if not last:
            return self.step.failed(f"{why}; it has printed nothing")
        head = f"its last lines ({self.log}):" if self.log else "its last lines:"
        return self.step.failed(why, head, *(f"  {line}" for line in last))

    def refuse(self, harm: list[str]):
        """Errors: StepError where the program has changed the result."""
        if harm:
            raise self.failed(*harm)

    def note(self):
        """What is known of this run of the program stands in the result, and in metrics.json."""
        self.run.result.notes.setdefault(NOTES, []).append(self.about)

    # ---- what it gave --------------------------------------------------------------------------------------

    def read(self, data) -> handed.Given:
        """What it wrote, checked (rank 0). Errors: StepError."""
        step, double = self.step, self.run.options.precision == "double"
        want = handed.Wanted.of(data, step.axes, step.changes)
        try:
            self.found = handed.read(self.files["out"], step.out_kind, want, double)
            bad = handed.looked_at(self.found.source, self.found.dtype)
        except StepError as error:
            raise self.failed(str(error)) from None
        total = handed.count(self.found.shape)
        if bad and not self.was_finite(data):
            self.run.warn(f"{step.name}: {bad} of {total} values that it gives are NaN or infinite")
        elif bad:
            raise self.failed(f"{bad} of {total} values that it gives are NaN or infinite")
        return self.found

    def was_finite(self, data) -> bool:
        """Were the data that it got?"""
        if "in" not in self.files or data.dtype.kind not in "fc" or "in" not in self.step.text.names:
            return True
        given = handed.read(self.files["in"], self.step.in_, handed.Wanted.of(data, [], []), True)
        return not handed.looked_at(given.source, given.dtype)

    # ---- kept for a restart --------------------------------------------------------------------------------

    @property
    def store(self) -> Path:
        """Where what it gave is kept, without its ending."""
        return Path(self.run.folder) / KEPT / str(self.number)

    def kept(self, data) -> handed.Given | None:
        """What the same program gave for the same data before the run was stopped; None: it must run."""
        if not (self.run.folder and self.step.gives_back):
            return None
        file = self.store.with_suffix(self.files["out"].suffix)
        about = _text(self.store.with_suffix(".json"))
        if not about or not file.exists():
            return None
        if about["mark"] != self.mark:
            self.run.say(f"{self.step.name}: data, command or program are others than before: it runs again")
            return None
        self.files["out"], self.about, self.last = file, about["about"] | {"kept": True}, []
        self.program = None
        try:
            given = self.read(data)
        except StepError as error:
            self.run.say(f"{self.step.name}: what was kept is not taken ({error.args[0]}): it runs again")
            self.files["out"] = self.place / file.name
            return None
        self.run.say(f"{self.step.name}: not run again: what it gave before is there")
        self.note()
        return given

    def keep(self):
        """What it gave stays until the result is written (rank 0). Where that cannot be, it is told."""
        if not self.run.folder:
            return
        file = self.store.with_suffix(self.files["out"].suffix)
        if self.files["out"] == file:
            return
        try:
            own_folder(file.parent)
            shutil.move(self.files["out"], file)
            about = plain({"mark": self.mark, "about": self.about})
            write_text(self.store.with_suffix(".json"), json.dumps(about))
        except OSError as error:
            remove(file)
            self.run.say(f"{self.step.name}: what it gave cannot be kept for a restart ({error.strerror})")


def _text(path: Path) -> dict | None:
    with suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    return None


def tell_change(run, name: str, data, given: handed.Given):
    """What is other than before, in the log."""
    if (given.axes, given.shape, given.dtype) != (data.axes, data.shape, data.dtype):
        sizes = " x ".join(f"{n} {axis}" for n, axis in zip(given.shape, given.axes))
        run.say(f"{name}: {data} -> {sizes}, {given.dtype}")


@contextmanager
def workplace(run):
    """`with workplace(run) as place:` a folder of rank 0, which is taken away at the end (collective)."""
    place = run.team.on_root(lambda: str(_made(run)))
    try:
        yield Path(place) if run.team.root else None
    finally:
        if run.team.root:
            remove(Path(place))


def _made(run) -> Path:
    """In run.scratch, else in the run folder, else where the system has its temporary files."""
    base = run.options.scratch or (run.folder and Path(run.folder).absolute()) or tempfile.gettempdir()
    for old in Path(run.folder).glob(".scratch-*") if run.folder else ():
        remove(old)  # of a run that was killed
    try:
        inside = bool(run.folder) and not run.options.scratch
        return Path(tempfile.mkdtemp(prefix=".scratch-" if inside else "nanompi-shell-", dir=base))
    except OSError as error:
        raise ResourceError(f"{base}: no folder for the files of a program: {error.strerror}") from None
