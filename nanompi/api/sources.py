"""Where a `Result` has its arrays from: the memory of this process, a result.h5, a run that goes on."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.data.data import Data
from nanompi.errors import DataError
from nanompi.io.hdf5 import at, foreign, hdf5, open_hdf5
from nanompi.report.record import Record, notes_in
from nanompi.report.signals import SignalsInFile
from nanompi.run.result import OF_EVERY_RESULT, Result, Signal


@dataclass
class Others:
    """What the other ranks than 0 have: figures, no arrays."""

    history: dict[str, np.ndarray]
    notes: dict[str, Any]
    signals: Mapping[str, Signal] = field(default_factory=dict)
    data: Mapping[str, np.ndarray] = field(default_factory=dict)
    axes: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, result: Result) -> "Others":
        """Of a complete result (rank 0)."""
        return cls(Kept(result).history, result.notes)

    def array(self, place: str) -> None:
        """Rank 0 has it."""
        return None


class Kept:
    """A result in memory."""

    def __init__(self, result: Result):
        self.result = result

    @property
    def notes(self) -> dict[str, Any]:
        """As the steps gave them."""
        return self.result.notes

    @property
    def history(self) -> dict[str, np.ndarray]:
        """The arrays below "history"."""
        names = [name for name in self.result.arrays if name.startswith("history/")]
        return {name.removeprefix("history/"): _texts(self.array(name)) for name in names}

    @cached_property
    def signals(self) -> dict[str, Signal]:
        """As a result.h5 would give them: stacks along names as one signal for each name."""
        own = {name: named_planes(name, data) for name, data in self.result.data.items()}
        named = {key: one for some in own.values() for key, one in some.items()}
        return self.result.signals | named | self.result.planes

    @property
    def shown(self) -> dict[str, Signal]:
        """These, and what is looked at and kept nowhere else."""
        return self.signals | self.result.pictures

    @cached_property
    def data(self) -> dict[str, np.ndarray]:
        """Whole arrays by name."""
        signals = {name: signal.data for name, signal in self.result.signals.items()}
        return signals | {name: data.values for name, data in self.result.data.items()}

    @property
    def axes(self) -> dict[str, int]:
        """{name: number of axes} of these."""
        return {name: np.ndim(one) for name, one in self.data.items()}

    def array(self, place: str) -> np.ndarray | None:
        """By its path."""
        one = self.result.arrays.get(place)
        return one[0] if isinstance(one, tuple) else one

    def write(self, path: Path) -> None:
        """As a result.h5."""
        from nanompi.run.writers import nexus

        nexus.write(self.result, path)


def named_planes(name: str, data: Data) -> dict[str, Signal]:
    """{"maps Fe": Signal} of data with an axis of names beside y and x; {} of others."""
    named = [
        axis for axis in data.axes if np.asarray(data.coords.get(axis, ([0],))[0]).dtype.kind not in "biuf"
    ]
    if len(named) != 1 or [axis for axis in data.axes if axis not in named] != ["y", "x"]:
        return {}
    planes = np.moveaxis(data.values, data.axes.index(named[0]), 0)
    axes = {axis: data.coords[axis] for axis in "yx" if axis in data.coords}
    return {
        f"{name} {word}": Signal(plane, axes if len(axes) == 2 else {}, data.unit, data.title or name, "map")
        for word, plane in zip(data.coords[named[0]][0], planes)
    }


def _texts(values: np.ndarray) -> np.ndarray:
    """Bytes as texts."""
    return np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values


class Stored:
    """A result.h5, opened for each look."""

    def __init__(self, path: Path):
        self.path = path

    @cached_property
    def notes(self) -> dict[str, Any]:
        """What it says of how it was made."""
        return notes_in(self.path)

    @cached_property
    def history(self) -> dict[str, np.ndarray]:
        """The arrays below "history"."""
        with open_hdf5(str(self.path)) as file, foreign(str(self.path)):
            group = at(file, "entry_1/history")
            return {} if group is None else {name: _texts(group[name][()]) for name in group}

    @cached_property
    def signals(self) -> Mapping[str, Signal]:
        """Each is read when it is asked for."""
        return SignalsInFile(self.path, pictures=False)

    @cached_property
    def shown(self) -> Mapping[str, Signal]:
        """These, and what is looked at and is no result."""
        return SignalsInFile(self.path)

    @cached_property
    def data(self) -> Mapping[str, np.ndarray]:
        """The same of whole arrays."""
        return ArraysInFile(self.path)

    @property
    def axes(self) -> dict[str, int]:
        """{name: number of axes} of these."""
        return self.data.axes

    def array(self, place: str) -> np.ndarray | None:
        """By its path."""
        with open_hdf5(str(self.path)) as file, foreign(str(self.path)):
            one = at(file, f"entry_1/{place}")
            return one[()] if isinstance(one, hdf5().Dataset) else None

    def write(self, path: Path) -> None:
        """A copy of the file."""
        shutil.copyfile(self.path, path)


class ArraysInFile(Mapping):
    """{name: array} of the NXdata groups of a result, each read when asked for; axes : how many it has"""

    def __init__(self, path: Path):
        self.path = path
        with open_hdf5(str(path)) as file, foreign(str(path)):
            entry = file["entry_1"]
            kinds = {name: entry[name].attrs.get("NX_class") for name in entry if name not in OF_EVERY_RESULT}
            names = [name for name, kind in kinds.items() if kind == "NXdata"]
            self._places = {name: f"{name}/{entry[name].attrs['signal']}" for name in names}
            errors = {f"{name}_errors": f"{place}_errors" for name, place in self._places.items()}
            self._places |= {name: place for name, place in errors.items() if place in entry}
            self.axes = {name: entry[place].ndim for name, place in self._places.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, name: str) -> np.ndarray:
        place = self._places[name]
        with open_hdf5(str(self.path)) as file, foreign(f"{self.path}: {name}"):
            return file["entry_1"][place][()]


class Going:
    """A run that has no result yet."""

    def __init__(self, record: Record):
        self.record, self.notes, self.data, self.axes = record, {}, {}, {}

    @property
    def history(self) -> dict[str, np.ndarray]:
        """As far as it has come."""
        known = {name: np.asarray(one) for name, one in self.record.history.items()}
        return {"iteration" if name == "i" else name: one for name, one in known.items()}

    @property
    def signals(self) -> Mapping[str, Signal]:
        """The live view, where there is one."""
        return self.record.signals()

    @property
    def shown(self) -> Mapping[str, Signal]:
        """The same."""
        return self.signals

    def array(self, place: str) -> None:
        """There is none yet."""
        return None

    def write(self, path: Path) -> None:
        """Errors: DataError."""
        raise DataError(f"{self.record.folder}: the run has no result yet")
