"""Arrays with named axes, spread over the ranks along one of them."""

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.data.source import SelectedFrames, Source
from nanompi.errors import DataError, JobError, shown
from nanompi.units import show

FACTS = {"energy": "J", "distance": "m", "pixel": "m"}  # that a job may give in the input section
OF_SCANS = ("lag", "rotate", "stretch", "live")  # that it may give for positions of frames alone
PATTERNS = {  # what a step sees whole in each item of a block; the first that the axes have
    "frame": (("row", "column"), ("y", "x")),
    "sinogram": (("angle", "column"),),
    "spectrum": (("detector", "channel"), ("channel",), ("energy",), ("radial",)),
    "pixel": (("column",), ("x",), ()),  # each value by itself; lines stay whole, and blocks have all axes
    "whole": (),
}


@dataclass(kw_only=True)
class Data:
    """One array of a measurement or of a step.

    axes   : names in order. Scan: point, or y and x. Detector: row, column. Also angle, energy, channel,
        line, z, mode ...
    values : this rank's part on the host; None = not loaded, see `source`
    source : where its rows (first axis) are: shape, dtype, read(index, threads), reachable()
    spread : the axis of which each rank holds some; "" = every rank holds all
    parts  : list over ranks of (n,) int64, rising or not, global numbers along `spread`
    coords : {axis: (values over the whole axis, unit)}; (n, 2) values are places (y, x) on the sample
    per_row : {name: (n, ...)} of each row of the first axis: "time" s, "current" of the ring, "live" s ...
    facts  : {"energy": J, "distance": m, "pixel": m ...}, SI
    beside : small arrays that belong to it, whole on every rank: {"dark", "flat", "mask" ...}
    nexus  : nanompi.data.nexus.Definition, how an application definition calls these; None = none does
    unit, title : of the values, for people; file, format : where they come from; notes : for the log
    """

    axes: tuple[str, ...]
    values: np.ndarray | None = None
    source: Any = None
    spread: str = ""
    parts: list[np.ndarray] = field(default_factory=list)
    coords: dict[str, tuple[Any, str]] = field(default_factory=dict)
    per_row: dict[str, np.ndarray] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, Any] = field(default_factory=dict)
    nexus: Any = None
    unit: str = ""
    title: str = ""
    file: str = ""
    format: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all ranks together."""
        if self.values is None:
            return tuple(self.source.shape)
        sizes = dict(zip(self.axes, self.values.shape))
        if self.spread:
            sizes[self.spread] = sum(map(len, self.parts))
        return tuple(sizes.values())

    @property
    def dtype(self) -> np.dtype:
        """Of the values, or as stored."""
        return np.dtype(self.source.dtype if self.values is None else self.values.dtype)

    def size(self, axis: str) -> int:
        """Length of an axis over all ranks."""
        return self.shape[self.axes.index(axis)]

    def holding(self, values: np.ndarray | None, spread: str, parts: list[np.ndarray]) -> "Data":
        """The same data with these values in memory, spread so."""
        out = copy.copy(self)
        out.values, out.spread, out.parts = values, spread, parts
        return out

    def in_file(self, array, ranks: int) -> "Data":
        """The same data, which are in a file now: any rank reads any rows of the first axis."""
        out = self.holding(None, self.axes[0], even(array.shape[0], ranks))
        out.source = array
        return out

    def slabs(self, rank: int, nbytes: int = 64 << 20):
        """(numbers, values) of what a rank holds, in memory or in a file, the axis of the spread in front.

        nbytes : of a piece, about"""
        axis, own = self.axes.index(self.spread), self.parts[rank]
        row = max(1, count(self.shape) // max(1, self.size(self.spread)) * self.dtype.itemsize)
        step = max(1, nbytes // row)
        for i in range(0, len(own), step):
            some = slice(i, i + step)
            if self.values is None:
                yield own[some], self.source.read(own[some])
            else:
                yield own[some], np.moveaxis(self.values, axis, 0)[some]

    def completed(self, given) -> "Data":
        """As the job wants it: checked, with the facts that it gives, and the rows that it selects.

        given : the section `input`. Errors: DataError, JobError.
        """
        if len(self.shape) != len(self.axes):
            axes = ", ".join(self.axes)
            raise DataError(f"{self.file}: an array of the shape {self.shape} has no axes {axes}")
        for axis, (values, _) in self.coords.items():
            if axis not in self.axes or len(values) != self.size(axis):
                raise DataError(f"{self.file}: {len(values)} values of {axis} for data of {self}")
        for name in OF_SCANS:
            if getattr(given, name, 0):
                raise JobError(
                    f"input.{name}: moves positions of a scan's frames, which {self} are not; leave it out"
                )
        known = {name: getattr(given, name, None) for name in FACTS}
        self.facts = self.facts | {name: value for name, value in known.items() if value is not None}
        return self if given.select.whole else self.selected(given.select)

    def selected(self, select) -> "Data":
        """Some rows, as the job says. Errors: JobError."""
        axis, every = self.axes[0], self.shape[0]
        numbers = select.numbers(every)
        out = self.holding(None if self.values is None else self.values[numbers], "", [])
        out.source = None if self.source is None else SelectedFrames(self.source, numbers)
        if axis in self.coords:
            along, unit = self.coords[axis]
            out.coords = self.coords | {axis: (np.asarray(along)[numbers], unit)}
        out.per_row = {name: np.asarray(values)[numbers] for name, values in self.per_row.items()}
        out.notes = [*self.notes, f"selected {select}: {len(numbers)} of {every} along {axis}"]
        return out

    def for_others(self) -> "Data":
        """What the other ranks need of data that rank 0 has opened."""
        return self

    def described(self) -> list[tuple[str, str]]:
        """[(name, text)] of data that are not loaded, for `nanompi inspect`."""
        along = [(axis, _span(*known)) for axis, known in self.coords.items()]
        facts = [(name, show(value, FACTS.get(name, "")).strip() if isinstance(value, float) else str(value))
                 for name, value in self.facts.items()]  # fmt: skip
        images = [(name, f"{one.shape[0]} images") for name, one in self.beside.items()
                  if isinstance(one, Source) and name != "truth"]  # fmt: skip
        head = [("file", self.file or "(none)"), ("format", self.format), ("data", str(self))]
        return [*head, *along, *images, *facts, *(("note", note) for note in self.notes)]

    def about(self, name: str) -> str:
        """What the log says of data that are not loaded. name : of the data in the run"""
        sizes = [len(part) for part in self.parts]
        each = f", {min(sizes)} to {max(sizes)} on each rank" if sizes else ""
        head = f"{self.format} {shown(self.file)}: {name}: {self}{each}"
        return "\n".join([head, *(f"note: {shown(note)}" for note in self.notes)])

    def __str__(self):
        sizes = " x ".join(f"{n} {axis}" for n, axis in zip(self.shape, self.axes)) or "one value"
        return f"{sizes}, {self.dtype}"


def _span(values, unit: str) -> str:
    """How many coordinates there are, and from where to where; angles in degrees, for people."""
    values = np.asarray(values)
    if values.ndim != 1 or values.dtype.kind not in "iuf" or not len(values):
        return f"{len(values)} values {unit}".rstrip()
    ends = (values[0], values[-1]) if unit != "rad" else np.rad2deg([values[0], values[-1]])
    return f"{len(values)} values, {ends[0]:.6g} to {ends[1]:.6g} {'deg' if unit == 'rad' else unit}".rstrip()


def even(n: int, ranks: int) -> list[np.ndarray]:
    """Equal runs of 0..n-1, one for each rank."""
    return np.array_split(np.arange(n), ranks)


def by_cost(costs: np.ndarray, chunk: int, ranks: int) -> list[np.ndarray]:
    """Runs of rows that cost about the same, one for each rank; a chunk of rows stays in one piece.

    costs : (n,) of each row. A run ends where the rows before it come nearest to its rank's share.
    """
    n, edges = len(costs), np.append(np.arange(0, len(costs), max(1, chunk)), len(costs))
    before = np.concatenate([[0.0], np.cumsum(costs)])[edges]
    ends = [int(edges[abs(before - before[-1] * k / ranks).argmin()]) for k in range(1, ranks)]
    return np.split(np.arange(n), np.maximum.accumulate(ends)) if ends else [np.arange(n)]


def on_rank_0(n: int, ranks: int) -> list[np.ndarray]:
    """All of 0..n-1 for rank 0, nothing for the others."""
    return [np.arange(n), *(np.arange(0) for _ in range(ranks - 1))]


def core_of(each: str, axes: tuple[str, ...]) -> tuple[str, ...] | None:
    """Which axes are whole in each item of a pattern; None where the data have none such."""
    if each == "whole":
        return tuple(axes)
    return next((core for core in PATTERNS[each] if set(core) <= set(axes)), None)


def free_of(core: tuple[str, ...], axes: tuple[str, ...]) -> tuple[str, ...]:
    """The axes that are walked over."""
    return tuple(axis for axis in axes if axis not in core)


def replaced(each: str, makes: tuple[str, ...], axes: tuple[str, ...]) -> tuple[str, ...]:
    """The axes of data whose items, of the pattern `each`, are replaced by such with the axes `makes`."""
    if each == "pixel" and not makes:
        return tuple(axes)
    core = core_of(each, axes)
    return (*free_of(core, axes), *(makes or core))


def count(sizes) -> int:
    """The product of some lengths; 1 for none."""
    return math.prod(int(n) for n in sizes)
