"""The step `shell`: a program of the user's own gets the data as a file, and gives a file back.

    - {shell: "denoise --sigma {sigma} {in} {out}", sigma: 2}

`{in}` and `{out}` are files that this step makes and takes away again (`nanompi.methods.own.handed` says what
stands in them), other words in braces are parameters of the step, to be set and swept as any. Rank 0 starts
the program (`nanompi.methods.own.program`), the other ranks sleep.
"""

import dataclasses
import hashlib
import json
import os
import shlex
import shutil
import tempfile
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal

from nanompi.errors import JobError, ResourceError, StepError
from nanompi.io.atomic import own_folder, remove, write_text
from nanompi.methods.own import handed
from nanompi.methods.own.command import (
    Command,
    about_file,
    check_names,
    files_of,
    found,
    python,
    text_of,
)
from nanompi.methods.own.program import SHOWN, Program, why_not
from nanompi.methods.own.unharmed import unharmed
from nanompi.mpi.children import around
from nanompi.run.store import plain
from nanompi.step import param, step, word_of
from nanompi.units import show

TURN = 0.25  # seconds after which the ranks hear that the program still runs
KEPT = ".shell"  # folder in that of a run, with what programs gave until the result is written
Kind = Literal["hdf5", "tiff"]
NOTES = "programs"


@step("shell")
class Shell:
    """A program of yours gets the data as a file: `- {shell: "denoise -s {sigma} {in} {out}", sigma: 2}`.

    Unit: what the program says, else that of the data.

    Source: yours.

    Example::

        - {shell: "denoise --sigma {sigma} {in} {out}", sigma: 2, in: tiff}
    """

    use, short, placed = "shell", "command", "folder"  # `{shell: X}` is short for `{use: shell, command: X}`

    command: str = param(
        help="program and arguments; in braces: in, out, run, threads, python, and parameters of this step"
    )
    sh: bool = param(False, help="a shell reads the command: pipes, redirections, $VARIABLES")
    in_: Kind = param("hdf5", level="basic", word="in", help="format of the file {in}")
    out_: Kind | Literal["same"] = param("same", word="out", help="format of the file {out}; same = as {in}")
    data: str = param("data", help="name of the data that the program gets and gives")
    axes: list[str] = param([], help="axes of what it gives, where they are not those of the data")
    changes: list[str] = param([], help="axes whose length it changes: [row, column]")
    when: Literal["in order", "after"] = param(
        "in order",
        level="basic",
        help="after = when all else is done and the result stands, which is its {in} then: result.h5",
    )
    limit: float = param(0.0, unit="s", ge=0, help="time after which the program is ended (1h); 0 = never")
    folder: str = param("", kind="folder", help="folder in which it begins; by itself that of the job file")

    @staticmethod
    def of(command: str, given: dict | None = None) -> type:
        """The step that a command is, what stands in braces declared. given : the other keys of the step

        Errors: JobError.
        """
        given = given or {}
        text = Command(command, given.get("sh") is True)
        text.check()
        check_names(text, list(given), [*OWN, "use", "shell"])
        data = given["data"] if isinstance(given.get("data"), str) else "data"
        return _class(text, data, given.get("when") == "after")


class ShellStep(Shell):
    """What the steps of all commands have in common. text : its `Command`"""

    text: Any = None

    def __post_init__(self):
        if self.when == "after" and "out" in self.text.names:
            raise JobError(
                "{out} does not go with `when: after`: the result stands already; {run} is its folder"
            )
        if twice := [axis for axis in self.axes if self.axes.count(axis) > 1]:
            raise JobError(f"axes: {twice[0]} stands there twice")

    def __reduce__(self):
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return _restored, (self.text, self.data, self.when == "after", values)

    @property
    def values(self) -> dict[str, Any]:
        """What the job gives for words in braces."""
        return {
            word_of(f): getattr(self, f.name) for f in dataclasses.fields(self) if f.name.startswith(VALUE)
        }

    def elsewhere(self, place: tuple[str, str, str]) -> str:
        """Where it can stand. place : as for a step `python`"""
        return (
            "run the program on the files beforehand and name what it writes in `input:`, or let it "
            f"work on the result of {place[2]} with `when: after`"
        )

    def axes_of(self, known: dict) -> dict:
        """{name: axes} of what it gives. known : those of the data before it; None = not known"""
        return {name: tuple(self.axes) or known.get(name) for name in self.gives}

    def check(self, data) -> list[str]:
        """For `nanompi check`: is the program there? It may be elsewhere on the nodes of a cluster."""
        try:
            self._find()
        except StepError as error:
            return [f"{self.name}: {error}"]
        return []

    def before(self, run):
        """All that can be known before the first step (collective). Errors: JobError, StepError."""
        run.team.on_root(lambda: self._begin(run))

    def run(self, run):
        """The data out, the program, the data in (collective). Errors: StepError, ResourceError, Stopped."""
        if self.when == "after":
            return
        name = self.data
        data = run.data[name] = handed.in_memory(run, name)
        with _workplace(run) as place:
            files = {word: place and place / stem for word, stem in self._stems().items()}
            array = handed.write(run, data, files["in"], self.in_) if "in" in self.text.names else None
            job = _Work(self, run, files, place)
            job.mark = run.team.on_root(lambda: job.marked(array)) if run.folder else ""
            given = run.team.on_root(lambda: job.kept(data)) or job.done(data)
            if given:
                given = job.found or given  # rank 0 alone has the values
                _tell_change(run, self.name, data, given)
                run.data[name] = handed.take(run, name, given, data)
                run.given[name] = None
                run.team.on_root(job.keep)

    def after(self, run):
        """The result stands: what was kept for a restart goes, and `when: after` begins (collective)."""
        if run.team.root and run.folder:
            remove(Path(run.folder) / KEPT)
        if self.when == "after":
            with _workplace(run) as place:
                files = {"in": run.team.root and Path(run.folder).absolute() / "result.h5"}
                self._last(_Work(self, run, files, place))

    def _last(self, work):
        """The program sees the result and leaves it as it is (collective). Errors: StepError."""
        root, harm = work.run.team.root, []
        guard = unharmed(work.files["in"], work.place / "copy.h5") if root else nullcontext(harm)
        try:
            with guard as harm:
                work.perform()
        except StepError as error:
            error.args += tuple(harm)
            raise
        work.run.team.on_root(lambda: work.refuse(harm))

    @property
    def gives_back(self) -> bool:
        """Does the program write data?"""
        return "out" in self.text.names

    @property
    def out_kind(self) -> str:
        """Format of what it writes."""
        return self.in_ if self.out_ == "same" else self.out_

    def _stems(self) -> dict[str, str]:
        return {"in": "data" + handed.SUFFIX[self.in_], "out": "result" + handed.SUFFIX[self.out_kind]}

    def _begin(self, run):
        if self.when == "after" and not run.folder:
            raise JobError(f"{self.name}: `when: after` needs a run folder with the result: give `folder=`")
        self._find()

    def _find(self) -> str:
        """The program. Errors: StepError, where it can be known."""
        stand_in = dict.fromkeys(("in", "out", "run", "threads"), "x") | {"python": python()}
        words = self.text.filled(stand_in | self.values)
        try:
            return found(words, self.folder or os.getcwd(), os.environ.get("PATH", os.defpath))
        except StepError as error:
            raise self.failed(str(error)) from None

    def failed(self, *lines: str) -> StepError:
        """The error of this step, in several lines."""
        first, *more = lines
        return StepError(f'step "{self.name}" failed: {first}', *more)


OWN = [word_of(f) for f in dataclasses.fields(Shell)]
VALUE = "value_"  # begins the name of a field with a value of the job


@cache
def _class(text: Command, data: str, after: bool) -> type:
    fields = [(f"{VALUE}{n}", bool | int | float | str, param(help=f"what stands for {{{n}}}", word=n))
              for n in text.parameters]  # fmt: skip
    about = {"text": text, "__doc__": f"The program {text.title}: {text.text}"}
    cls = dataclasses.make_dataclass("ShellStep", fields, bases=(ShellStep,), kw_only=True, namespace=about)
    cls.__module__, cls.name = __name__, f"shell:{text.title}"
    uses = {"in", "out"} & set(text.names) and not after
    cls.needs, cls.gives = ((data,) if uses else ()), ((data,) if "out" in text.names and not after else ())
    return cls


def _restored(text: Command, data: str, after: bool, values: dict):
    return _class(text, data, after)(**values)


class _Work:
    """One run of the program, on rank 0. files : {"in": path, "out": path}; place : its scratch folder"""

    def __init__(self, step: ShellStep, run, files: dict, place: Path | None):
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
        file = self.store.with_suffix(self.files["out"].suffix)
        if not self.run.folder or self.files["out"] == file:
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


def _tell_change(run, name: str, data, given: handed.Given):
    """What is other than before, in the log."""
    if (given.axes, given.shape, given.dtype) != (data.axes, data.shape, data.dtype):
        sizes = " x ".join(f"{n} {axis}" for n, axis in zip(given.shape, given.axes))
        run.say(f"{name}: {data} -> {sizes}, {given.dtype}")


@contextmanager
def _workplace(run):
    """`with _workplace(run) as place:` a folder of rank 0, which is taken away at the end (collective)."""
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
