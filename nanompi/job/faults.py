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


class Nothing:
    """Stands for a value with a fault, so that the rest can still be checked."""


@dataclass(frozen=True)
class Fault:
    """One fault; `data` marks those that blame the input data and not the job file."""

    place: Place
    path: str
    text: str
    data: bool = False

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.place), self.path, self.text) if part)


class Faults:
    """Collects faults; `stop()` raises them all as one error."""

    def __init__(self):
        self.found: list[Fault] = []

    def add(self, place: Place, path, text: str, data: bool = False):
        """Note one fault. path : dotted text, or the parts of it."""
        path = path if isinstance(path, str) else ".".join(map(str, path))
        self.found.append(Fault(place, path, text, data))

    def __len__(self) -> int:
        return len(self.found)

    def lines(self) -> list[str]:
        """All faults as lines, in the order of the file; those of `--set` come last."""
        ordered = sorted(
            self.found, key=lambda f: (not f.place.line, f.place.file, f.place.line, f.place.column)
        )
        return list(dict.fromkeys(map(str, ordered)))

    def stop(self):
        """Raise JobError (DataError where only the data are to blame) when there are faults."""
        if self.found:
            kind = DataError if all(f.data for f in self.found) else JobError
            said = self.lines()
            more = [f"... and {len(said) - MOST} more"] if len(said) > MOST else []
            raise kind(*said[:MOST], *more)
