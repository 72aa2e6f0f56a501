"""The step `shell`: a program of the user's own gets the data as a file, and gives a file back.

    - {shell: "denoise --sigma {sigma} {in} {out}", sigma: 2}

`{in}` and `{out}` are files that this step makes and takes away again (`nanompi.methods.own.handed` says what
stands in them), other words in braces are parameters of the step, to be set and swept as any. Rank 0 starts
the program (`nanompi.methods.own.work`), the other ranks sleep.
"""

import dataclasses
import os
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any, Literal

from nanompi.errors import JobError, StepError
from nanompi.io.atomic import remove
from nanompi.methods.own import handed
from nanompi.methods.own.command import (
    Command,
    check_names,
    found,
    python,
)
from nanompi.methods.own.unharmed import unharmed
from nanompi.methods.own.work import KEPT, Work, tell_change, workplace
from nanompi.run.afterwards import COPY
from nanompi.step import param, step, word_of

Kind = Literal["hdf5", "tiff"]


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
        with workplace(run) as place:
            files = {word: place and place / stem for word, stem in self._stems().items()}
            array = handed.write(run, data, files["in"], self.in_) if "in" in self.text.names else None
            job = Work(self, run, files, place)
            job.mark = run.team.on_root(lambda: job.marked(array)) if run.folder else ""
            given = run.team.on_root(lambda: job.kept(data)) or job.done(data)
            if given:
                given = job.found or given  # rank 0 alone has the values
                tell_change(run, self.name, data, given)
                run.data[name] = handed.take(run, name, given, data)
                run.given[name] = None
                run.team.on_root(job.keep)

    def after(self, run):
        """The result stands: what was kept for a restart goes, and `when: after` begins (collective)."""
        if run.team.root and run.folder:
            remove(Path(run.folder) / KEPT)
        if self.when == "after":
            with workplace(run) as place:
                files = {"in": run.team.root and Path(run.folder).absolute() / "result.h5"}
                self._last(Work(self, run, files, place))

    def _last(self, work):
        """The program sees the result and leaves it as it is (collective). Errors: StepError."""
        root, harm = work.run.team.root, []
        guard = unharmed(work.files["in"], work.files["in"].with_name(COPY)) if root else nullcontext(harm)
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
