"""One step over the blocks of one Data: what it sees of them, its results, checked, placed and added up."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from nanompi.data.buffer import FrameBuffer
from nanompi.data.data import Data, core_of, count, free_of, on_rank_0
from nanompi.data.exact import ExactSum
from nanompi.data.infile import RowsInFile
from nanompi.data.respread import run_of
from nanompi.device import Cpu
from nanompi.errors import DataError, StepError
from nanompi.step import OWN, Item, Total

SMALL = 4 << 20  # bytes of a block on a CPU, of which a step may hold ten times as much in double precision
FEW = 64  # items of a block, for the threads, where they are larger than that


def unheard(k: int) -> None:
    """In place of `Info.tell` where nobody wants to know."""


@dataclass
class Info:
    """What a step may know of its block.

    data    : the data of which the block is a part (`shape`, `axes`, `facts`, `beside`, `coords`)
    index   : (k,) int64, numbers of the items, counted over all axes that are walked over
    places  : {axis: (k,)} numbers of the items along each of these
    device  : where the block is: arrays by `xp`, `kernels`
    axes    : those of the block, the walked one first
    tell    : tell(k) where a block takes long: k more of its items are done, from any thread
    again   : this block is only tried, or was there before and is made once more; what a step counts by
        itself, it counts where this is False
    """

    data: Data
    index: np.ndarray
    places: dict[str, np.ndarray]
    device: Any
    axes: tuple[str, ...] = ()
    again: bool = False
    tell: Callable[[int], None] = unheard

    @property
    def xp(self):
        """numpy, or cupy for a step with `gpu=True` on a card."""
        return self.device.xp

    @property
    def kernels(self):
        """The named kernels of the device."""
        return self.device.kernels

    def part(self, values, *axes: str):
        """What of an array along some axes, whole, belongs to this block: of a shape that goes with it.

        values : an array of the device with these axes: `block - info.part(dark, "row", "column")`
        """
        cut = [axis for axis in axes if axis in self.places]
        order = [*cut, *(axis for axis in self.axes[1:] if axis in axes and axis not in cut)]
        values = values.transpose([axes.index(axis) for axis in order])
        numbers = [self.places[axis] for axis in cut]
        values = values[tuple(map(run_of, numbers) if len(cut) == 1 else numbers)] if cut else values[None]
        lengths = dict(zip(order[len(cut) :], values.shape[1:]))
        return values.reshape(len(values), *(lengths.get(axis, 1) for axis in self.axes[1:]))

    def __getitem__(self, axis: str) -> np.ndarray:
        """Coordinates along an axis: of these items, or of the whole axis where it stands in the block."""
        values = self.data.coords[axis][0]
        return np.asarray(values)[self.places[axis]] if axis in self.places else values


def on_card(run, step) -> bool:
    """Does the step get arrays of a card?"""
    return step.gpu and run.device.xp is not np


class Walk:
    """One step over the blocks of one Data.

    core, free : axes of an item, axes that are walked over, that of the ranks first. Steps for which any
        value will do ("pixel") walk along one axis alone.
    items : names of the results that are no sums
    tell  : what a step's `Info.tell` comes to
    """

    def __init__(self, run, step, data: Data):
        data = data.holding(data.values, data.spread, data.parts)
        data.coords = dict(data.coords)  # a step may add its own
        self.run, self.step, self.data, self.core = run, step, data, core_of(step.each, data.axes)
        self.free = tuple(sorted(free_of(self.core, data.axes), key=lambda axis: axis != data.spread))
        if step.each == "pixel":
            self.free, self.core = self.free[:1], free_of(self.free[:1], data.axes)
        self.names = step.gives or {step.takes: Item(tuple(step.makes or self.core))}
        self.n = len(data.parts[run.team.rank]) if self.free else int(run.team.root)
        self.items = [k for k, kind in self.names.items() if not isinstance(kind, Total)]
        self.outs = {k: FrameBuffer(self.n) for k in self.items}
        self.sums, self.lock, self.tell = {}, Lock(), unheard
        here = on_card(run, step) or run.device.xp is np
        self.device = run.device if here else Cpu(threads=run.device.threads)
        if not count(data.shape):
            raise DataError(f"{step.name}: there is nothing to do, its data have {data}")
        if hasattr(step, "start"):
            step.start(run, data)

    def rows(self, values) -> int:
        """How many rows along the axis of the ranks make a block."""
        return max(1, self.block(values) // count(self.data.size(a) for a in self.free[1:]))

    def block(self, values) -> int:
        """How many items make a block: as many as a cache holds, or as a step wants side by side."""
        item = max(1, count(self.data.size(a) for a in self.core) * values.itemsize)
        most = getattr(self.step, "lanes", 0) or self._side_by_side(item)
        most = max(most, getattr(self.step, "least", 1))
        return max(1, min(most, self.device.room() // (8 * item))) if on_card(self.run, self.step) else most

    def _side_by_side(self, item: int) -> int:
        """Items of so many bytes"""
        most = self.device.frames_per_block(item)
        return most if on_card(self.run, self.step) else min(most, max(FEW, SMALL // item))

    def slab(self, raw: np.ndarray, rows: np.ndarray, again: bool = False) -> dict[str, np.ndarray]:
        """The results of the items in `raw`, by name; what is to be added up is added up, but not `again`.

        raw : the walked axis of the ranks first, of which these are the rows; results : (*free, *axes)
        """
        first = self.free[:1]
        axes = (*first, *(a for a in self.data.axes if a not in first))
        view = raw.transpose([axes.index(a) for a in (*self.free, *self.core)])
        lead = view.shape[: len(self.free)]
        n, step, parts = count(lead), self.block(raw), []
        for i in range(0, n, step):
            items = np.unravel_index(np.arange(i, min(i + step, n)), lead) if lead else ()
            block = _picked(view, lead, items, slice(i, i + step))
            parts.append(self._results(block, self._info(items, rows, again)))
        whole = {key: _joined([made[key] for made in parts]) for key in self.items}
        return {k: v.reshape(*lead, *v.shape[1:]) if lead else v for k, v in whole.items()}

    def _info(self, items, rows, again: bool) -> Info:
        places, axes = dict(zip(self.free, items)), ("", *self.core)
        if not places:
            return Info(self.data, np.arange(1), places, self.device, axes, again)
        places[self.free[0]] = rows[places[self.free[0]]]
        order, tell = free_of(self.core, self.data.axes), unheard if again else self.tell
        index = np.ravel_multi_index([places[a] for a in order], [self.data.size(a) for a in order])
        return Info(self.data, index, places, self.device, (self.free[0], *self.core), again, tell)

    def _results(self, block, info: Info) -> dict[str, np.ndarray]:
        """What the step gives for a block, by name, on the host; what is to be added up is added up."""
        block = self.device.array(block)
        if isinstance(block, np.ndarray):
            block = block.view()
            block.flags.writeable = False  # it may be a part of the data themselves
        made = self.step.block(block, info)
        made = made if isinstance(made, dict) else {self.step.takes: made}
        if made.keys() != self.names.keys():
            raise self._wrong(f"gives {', '.join(made)}; declared: {', '.join(self.names)}")
        made = {key: np.asarray(self.device.host(value)) for key, value in made.items()}
        for key, value in made.items():
            axes = self.names[key].axes
            kinds = "biufc" if key in self.items else "biuf"
            if value.ndim != 1 + len(axes) or len(value) != len(block) or value.dtype.kind not in kinds:
                wanted = ", ".join((f"{len(block)} items", *axes))
                raise self._wrong(f"gives {key} of the shape {value.shape}, {value.dtype}, not ({wanted})")
            if key not in self.items and not info.again:
                self._add(key, value)
        return made

    def _add(self, key: str, value: np.ndarray) -> None:
        """Add to a sum; threads add up their own blocks at the same time."""
        own = ExactSum()
        own.add(value)
        with self.lock:
            self.sums.setdefault(key, ExactSum()).join(own)

    def _wrong(self, what: str) -> StepError:
        return StepError(f'step "{self.step.name}" failed: its block {what}')

    def keep(self, where: np.ndarray, made: dict[str, np.ndarray]) -> None:
        """Store results of a slab at rows of this rank: those that stay."""
        for key, value in made.items():
            if key in self.outs:
                self.outs[key].put(where, value)

    def in_place(self, made: dict[str, np.ndarray]) -> None:
        """What of the results goes straight to the file (collective, once).

        made : the results of the first block of this rank, {} where it has none
        """
        store, team = self.run.store, self.run.team
        every = team.allgather(
            {key: (made[key].shape[1:], made[key].dtype) for key in self.outs if key in made}
        )
        for key in sorted(store.final & self.outs.keys()):
            known = [one[key] for one in every if key in one]
            array = store.before(key) or (known and self._array(key, known, made.get(key)))
            if array:
                own = self.data.parts[team.rank]
                self.outs[key] = RowsInFile(array, self._walked(key), own, self.run.clock)

    def _array(self, key: str, known: list, sample):
        """Where a result of all ranks goes, if to the file (collective). known : shapes and dtypes of rows"""
        axis, row, dtype = self._walked(key), known[0][0], np.result_type(*(dtype for _, dtype in known))
        shape = (*row[:axis], self.data.size(self.free[0]), *row[axis:])
        return self.run.store.place(key, shape, dtype, sample)

    def _axes(self, key: str) -> tuple[str, ...]:
        """Those of a result."""
        if self.step.each == "pixel" and self.names[key].axes == self.core:  # the data are as they were
            return self.data.axes
        return (*free_of(self.core, self.data.axes), *self.names[key].axes)

    def _walked(self, key: str) -> int:
        """Where the walked axis of the ranks stands in a result."""
        return self._axes(key).index(self.free[0])

    def in_file(self) -> list[RowsInFile]:
        """The results that are written in place."""
        return [out for out in self.outs.values() if isinstance(out, RowsInFile)]

    def all_sums(self) -> dict[str, ExactSum]:
        """What is added up, by name, in the same order on all ranks."""
        totals = [key for key, kind in self.names.items() if isinstance(kind, Total)]
        return {key: self.sums.setdefault(key, ExactSum()) for key in totals}

    def place(self, own: bool = False) -> None:
        """The results of all ranks into run.data (collective): those for all, or the step's `own`, which
        stand there while it finishes: another step of the pass may have some of the same names."""
        for key, kind in self.names.items():
            if key.startswith(OWN) != own:
                continue
            if isinstance(kind, Total):
                values = self.sums.get(key, ExactSum()).total(self.run.team)
                self.run.data[key] = self.described(key, kind.axes, values)
            elif key in self.outs:
                self.run.data[key] = self._placed(key, self.outs.pop(key))
            if not key.startswith(OWN):
                self.run.given[key] = None

    def _placed(self, key: str, rows: FrameBuffer | RowsInFile) -> Data:
        """One result of all ranks (collective)."""
        if isinstance(rows, FrameBuffer):
            return self.made(key, rows.all(self.run.team))
        rows.close()
        self.run.team.barrier()  # nobody reads before all have written
        return self.described(key, self._axes(key), None).in_file(rows.array, self.run.team.size)

    def made(self, key: str, values: np.ndarray) -> Data:
        """The results of all items, with the walked axes in front; values : (n, ...) of this rank"""
        kind, data = self.names[key], self.data
        if self.free:
            values = np.moveaxis(values, 0, self._walked(key))
            return self.described(key, self._axes(key), values).holding(values, data.spread, data.parts)
        out = self.described(key, kind.axes, values)
        if not kind.axes:
            return out.holding(self.run.team.bcast(values[0] if self.n else None), "", [])
        values = values[0] if self.n else np.empty((0, *values.shape[2:]), values.dtype)
        parts = on_rank_0(self.run.team.max(len(values)), self.run.team.size)
        return out.holding(values, kind.axes[0], parts)

    def described(self, key: str, axes: tuple[str, ...], values) -> Data:
        """A result with what is known of its axes, and what stays true of the data it is made of."""
        kind, data = self.names[key], self.data
        same_items = self.core == kind.axes and not isinstance(kind, Total)
        if same_items and key == self.step.takes and axes == data.axes:  # a scan is a scan still
            out = data.holding(values, data.spread, data.parts)
            out.source, out.unit, out.title = None, kind.unit, kind.title
            return out
        coords = {axis: known for axis, known in data.coords.items() if axis in axes}
        about = {"unit": kind.unit, "title": kind.title, "file": data.file, "format": data.format}
        about |= {"facts": dict(data.facts), "beside": data.beside if same_items else {}}
        return Data(axes=axes, values=values, coords=coords, **about)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _picked(view: np.ndarray, lead, items, some: slice) -> np.ndarray:
    """Some items of a view (*lead, *core): (k, *core), without a copy where they lie one after another."""
    if not lead:
        return view[None]
    if view.flags.c_contiguous:
        return view.reshape(-1, *view.shape[len(lead) :])[some]
    return view[some] if len(lead) == 1 else view[items]
