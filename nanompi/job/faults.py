"""Faults of a job file: where, what, what to do; collected, so that all are shown at once."""

from dataclasses import dataclass

from nanompi.errors import DataError, JobError

MOST = 200  # faults that are told


@dataclass(frozen=True)
class Place:
    """Where a key or a value was written. A line of 0 means "not in a file" (`--set`)."""

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True)
class Spot:
    """Where a value stands: its place in the file and its dotted path."""

    place: Place
    path: tuple = ()

    def below(self, key, place: Place | None = None) -> "Spot":
        """The spot of a part of this value."""
        return Spot(place or self.place, (*self.path, key))


class StepName(str):
    """A step in the path of a fault: people read its name, programs its number in the list of steps.

    number : from 0; None for a step that the job does not list
    """

    number: int | None

    def __new__(cls, name: str, number: int | None) -> "StepName":
        """The name as text, with the number beside it."""
        made = super().__new__(cls, name)
        made.number = number
        return made


def counted(path) -> str:
    """The dotted path with numbers for steps: "steps.0.probe.modes", even where two have one name."""
    numbers = ((part, getattr(part, "number", None)) for part in path)
    return ".".join(str(part if number is None else number) for part, number in numbers)


class Nothing:
    """Stands for a value with a fault, so that the rest can still be checked."""


@dataclass(frozen=True)
class Fault:
    """One fault; `data` marks those that blame the input data and not the job file.

    counted : the path with steps by their number, for programs
    """

    place: Place
    path: str
    text: str
    data: bool = False
    counted: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.place), self.path, self.text) if part)


class Faults:
    """Collects faults; `stop()` raises them all as one error."""

    def __init__(self):
        self.found: list[Fault] = []

    def add(self, place: Place, path, text: str, data: bool = False):
        """Note one fault. path : dotted text, or the parts of it."""
        parts = (path,) if isinstance(path, str) else path
        self.found.append(Fault(place, ".".join(map(str, parts)), text, data, counted(parts)))

    def __len__(self) -> int:
        return len(self.found)

    def ordered(self) -> list[Fault]:
        """All faults in the order of the file, each once; those of `--set` come last."""
        ordered = sorted(
            self.found, key=lambda f: (not f.place.line, f.place.file, f.place.line, f.place.column)
        )
        return list({str(fault): fault for fault in reversed(ordered)}.values())[::-1]

    def lines(self) -> list[str]:
        """All faults as lines."""
        return list(map(str, self.ordered()))

    def stop(self):
        """Raise JobError (DataError where only the data are to blame) when there are faults.

        The error has them all in `faults`, too, as a program wants them.
        """
        if self.found:
            kind = DataError if all(f.data for f in self.found) else JobError
            said = self.lines()
            more = [f"... and {len(said) - MOST} more"] if len(said) > MOST else []
            error = kind(*said[:MOST], *more)
            error.faults = tuple(self.ordered()[:MOST])
            raise error
