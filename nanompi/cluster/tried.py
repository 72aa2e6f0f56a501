"""What a job of block steps needs, such as one with a map, said before it runs: memory and seconds of a rank.

All steps of the job are done on some rows of its map, and on twice as many; what they need is taken to grow
in proportion from there on. Of a small map that is the whole of it. Nothing is written but into a folder of
its own, which is taken away.
"""

import copy
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from nanompi import units
from nanompi.data.data import Data, count
from nanompi.data.redistribute import free_memory
from nanompi.data.room import USABLE
from nanompi.data.rows import ROUND
from nanompi.data.select import Select
from nanompi.device.cpu import Cpu
from nanompi.errors import JobError, NanompiError
from nanompi.mpi.link import Link
from nanompi.mpi.team import Team
from nanompi.report.figures import drawing, previews, shown
from nanompi.run import planning
from nanompi.run.metrics import give_back_memory, peak_memory
from nanompi.run.perform import Run, perform
from nanompi.run.reading import open_data, spread_evenly
from nanompi.run.reuse import Reuse
from nanompi.run.switches import PICTURES, on
from nanompi.timing import age

TRIED = 64 << 20  # bytes of the map that are tried, as stored
DRAWN = 6  # pictures at most
WRITTEN = 5e8  # bytes/s of the result that a node writes


@dataclass
class Given(Reuse):
    """In place of what the reader gives: part of it."""

    data: dict[str, Data] = field(default_factory=dict)

    def give(self, run) -> int:
        """The part, spread over one rank; no step is done."""
        run.data = {name: spread_evenly(one, 1) for name, one in self.data.items()}
        return 0


@dataclass
class Trial:
    """What some rows of the map have cost. Bytes are those of the whole process at most.

    rows, seconds, peak : of all steps; phases : {name: s} of each; made : bytes of the result file
    held, shown : bytes when the pictures begin, and at most while they are made; drawn : s that they take
    """

    rows: int
    seconds: float = 0.0
    peak: int = 0
    held: int = 0
    shown: int = 0
    drawn: float = 0.0
    made: int = 0
    phases: dict[str, float] = field(default_factory=dict)


class Tried:
    """A job of block steps, with so many threads for each rank. It is tried when this is made.

    Errors: JobError, DataError, and what a step says of the data.
    """

    def __init__(self, job, threads: int = 1):
        Team()  # the MPI library is loaded, as it will be: its memory and its time count
        self.ready = min(age(), 20.0)
        self.job, self.threads = job, threads
        opened = open_data(job.input.file, job.input, job.reader)
        self.opened, self.data = opened, opened.get("data")
        if self.data is None or self.data.source is None or not count(self.data.shape):
            raise JobError(f"only data in a file can be planned; the data are {self.data}")
        self.axis = next(a for a in self.data.axes if a != "energy")
        self.unit = _row_of_points(self.data)
        some = max(1, TRIED // max(1, self.stored * self.unit)) * self.unit
        high = min(self.rows, max(some, 2 * self.unit))
        low = max(1, high // 2 // self.unit) * self.unit
        first = self._trial(low)  # kernels are compiled, or loaded
        give_back_memory()
        self.libraries = planning.resident()
        self.high = self._trial(high, draws=True)
        self.low = self._again(first) if low < high else self.high

    # ---- trial

    @property
    def rows(self) -> int:
        """Of the map: what the ranks share."""
        return self.data.size(self.axis)

    @property
    def stored(self) -> int:
        """Bytes of a row, as stored."""
        return count(self.data.shape) // self.rows * self.data.dtype.itemsize

    def _again(self, first: Trial) -> Trial:
        """The trial of few rows; anew where the first one has compiled kernels, or took longer than that of
        more rows for something else"""
        return first if first.seconds <= self.high.seconds else self._trial(first.rows)

    def _trial(self, rows: int, draws: bool = False) -> Trial:
        """The whole job on so many rows. Errors: those of its steps, which say of how many rows."""
        give_back_memory()
        out, quiet = Trial(rows), lambda *_: None
        options = replace(self.job.run, strict=False, checkpoint=0.0, scratch="", cache="")
        job = replace(self.job, steps=copy.deepcopy(self.job.steps), run=options)
        part = self.opened | {"data": part_of(self.data, self.axis, rows)}
        with TemporaryDirectory() as folder:
            device = Cpu(options.precision, self.threads)
            run = Run(Team(alone=True), device, options, Path(folder), say=quiet, warn=quiet)
            begun = time.perf_counter()
            _count_anew()
            try:
                perform(job, run, [_Watched(out, draws)], Given(data=part))
            except NanompiError as error:
                if rows < self.rows:
                    error.args = (f"tried on {rows} of {self.rows} along {self.axis}: {error}",)
                raise
            out.seconds = time.perf_counter() - begun - out.drawn
            out.phases = {k: s for k, s in run.clock.seconds.items() if k != "write"}
            out.made = Path(folder, "result.h5").stat().st_size
        return out

    # ---- what follows

    def _grown(self, name: str, rows: int) -> float:
        """A figure of the trials for so many rows"""
        (a, b), (low, high) = (getattr(self.low, name), getattr(self.high, name)), self._ends
        slope = max(0.0, b - a) / (high - low) if high > low else 0.0
        return b + slope * (rows - high)

    @property
    def _ends(self) -> tuple[int, int]:
        return self.low.rows, self.high.rows

    def each(self, ranks: int) -> int:
        """Rows of the rank that has most"""
        return -(-self.rows // self.unit // ranks) * self.unit

    def memory(self, ranks: int) -> dict[str, int]:
        """{what: bytes} of rank 0, which has most."""
        rows = self.each(ranks)
        steps = self._grown("peak", rows) - self.libraries
        if ranks > 1 and self.axis != self.data.axes[0]:  # rows are sent to the ranks that work on them
            own = rows * self.stored
            steps = max(steps, own + min(2 * ROUND, 2 * own))
        own = max(0, self.high.held - self.libraries) * max(1.0, rows / self.high.rows)
        drawn = max(0, self.high.shown - self.high.held)
        return {
            "libraries": self.libraries,
            "steps": int(steps),
            "pictures": int(max(0, own + drawn - steps)),
        }

    def seconds(self, ranks: int) -> dict[str, float]:
        """{phase: s} of rank 0."""
        made = self._grown("made", self.rows)
        return {
            "ready": self.ready,
            "steps": max(0.0, self._grown("seconds", self.each(ranks))),
            "pictures": self.high.drawn,
            "write": made / WRITTEN,
        }

    def total(self, ranks: int, link: Link) -> tuple[float, int]:
        """(s, bytes of a rank), for a workflow."""
        return sum(self.seconds(ranks).values()), sum(self.memory(ranks).values())

    def report(self, ranks: int, link: Link, gpu=None, per_card: int = 1, within=None) -> str:
        """Memory, bytes and time, and how many ranks are worth it. gpu : not known; within : s"""
        parts, rows = self.memory(ranks), self.each(ranks)
        advised = planning.advice(lambda n: sum(self.seconds(n).values()), ranks, self.rows, within)
        listed = ", ".join(f"{name} {units.show(n, 'B')}" for name, n in parts.items() if n)
        read = units.show(rows * self.stored, "B")
        lines = [
            f"{self.data}; tried on {self.high.rows} of {self.rows} along {self.axis}",
            f"on {ranks} rank{'s' * (ranks > 1)}: {rows} along {self.axis} each, "
            f"{units.show(sum(parts.values()), 'B')} of memory per rank ({listed})",
            f"each rank reads {read} as stored; the result has "
            f"{units.show(max(0.0, self._grown('made', self.rows)), 'B')}",
            self._of_steps(rows),
            self._fits(ranks, sum(parts.values())),
            *(["what a card needs is not known beforehand"] if gpu else []),
        ]
        return "\n".join([*filter(None, lines), "", *advised])

    def _of_steps(self, rows: int) -> str:
        """Where the time goes"""
        grown = max(1.0, rows / self.high.rows)
        known = sorted(self.high.phases.items(), key=lambda pair: -pair[1])
        listed = [f"{name} {seconds * grown:.2g} s" for name, seconds in known if seconds >= 0.01]
        return f"most of the time: {', '.join(listed[:4])}" if listed else ""

    def _fits(self, ranks: int, each: int) -> str:
        """Where this machine has too little memory for all ranks"""
        have = USABLE * free_memory()
        if ranks * each <= have:
            return ""
        lacks = units.show(ranks * each - have, "B")
        return f"this machine lacks {lacks} for {ranks} rank{'s' * (ranks > 1)}: take more nodes"

    def compared(self, books: list[dict], ranks: list[int], items: list[int], link: Link) -> dict:
        """Predicted against measured: {"text", "checks", "curves"}. books : metrics of runs"""
        return planning.compared(
            books, lambda n: sum(self.memory(n).values()), lambda n: sum(self.seconds(n).values())
        )


@dataclass
class _Watched:
    """A writer that draws the pictures, and notes what steps and pictures have needed."""

    trial: Trial
    draws: bool

    def __call__(self, run) -> None:
        self.trial.peak = peak_memory()
        if not self.draws:
            return
        _count_anew()
        self.trial.held = planning.resident()
        self.trial.drawn = _drawn(run)
        self.trial.shown = peak_memory()


def _drawn(run) -> float:
    """Seconds that all pictures take, by drawing some of them: each takes the same memory, one at a time"""
    every = shown(run.result) if on(PICTURES) else {}
    if not every:
        return 0.0
    begun = time.perf_counter()
    drawing()  # loads matplotlib
    loaded = time.perf_counter()
    some = dict(list(every.items())[:: -(-len(every) // DRAWN)])
    previews(replace(run.result, signals=some, planes={}, pictures={}), run.folder / "previews", run.warn)
    return loaded - begun + (time.perf_counter() - loaded) * len(every) / len(some)


def part_of(data: Data, axis: str, rows: int) -> Data:
    """Some rows of a map, as a map: evenly over it where they are its first axis, else in the middle; of
    frames that are counted the first ones."""
    every = data.size(axis)
    if rows >= every:
        return replace(data, beside=_without_truth(data))
    if hasattr(data, "some"):
        return data.some(np.arange(rows))
    if axis == data.axes[0]:
        keep = f":{rows}" if axis == "point" else f"some:{rows}"
        numbers = Select(keep=keep).numbers(every)
        out = data.selected(Select(keep=keep))
    else:
        first = (every - rows) // 2
        numbers, cut = np.arange(first, first + rows), slice(first, first + rows)
        place = data.axes.index(axis)
        out = copy.copy(data)
        out.source = data.source.cropped(*(cut if k == place else slice(None) for k in (1, 2)))
        out.coords = {
            k: (np.asarray(v)[cut] if k == axis else v, unit) for k, (v, unit) in data.coords.items()
        }
    out.beside = _without_truth(data)
    if (
        axis == "y" and np.ndim(out.beside.get("i0", 0)) == 3
    ):  # (energy, y, x), whatever the order of the data
        out.beside["i0"] = out.beside["i0"][:, numbers]
    if "grid" in out.beside:
        _with_fewer_rows(out.beside, rows)
    return out


def _without_truth(data: Data) -> dict:
    return {name: one for name, one in data.beside.items() if name != "truth"}


def _row_of_points(data: Data) -> int:
    """Frames of a row of the grid on which they were counted; 1 without one"""
    grid = data.beside.get("grid")
    return int(grid[1]) if grid is not None and data.axes[0] == "point" else 1


def _with_fewer_rows(beside: dict, points: int) -> None:
    rows = points // beside["grid"][1]
    beside["grid"] = (rows, beside["grid"][1])
    if "y" in beside.get("grid_coords", {}):
        values, unit = beside["grid_coords"]["y"]
        beside["grid_coords"] = beside["grid_coords"] | {"y": (values[:rows], unit)}


def _count_anew() -> None:
    """The peak is counted anew; where that is forbidden it is one of before"""
    with suppress(OSError), open("/proc/self/clear_refs", "w") as marks:
        marks.write("5")
