"""Spectra in datasets of HDF5 files, their axes in any order, a dataset for all detectors or one for each."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.data.respread import run_of
from nanompi.data.source import Source, check_index
from nanompi.errors import DataError
from nanompi.io.hdf5 import dataset, foreign, need_filters, open_hdf5
from nanompi.methods.maps.read.spectra import AXES, POINTS

FIXED = 0.3  # of the mean: what a row costs however few its bytes are


@dataclass
class StoredSpectra(Source):
    """Rows (or points) of spectra: (columns, detectors, channels) each, or (detectors, channels).

    paths : of one dataset, or of one for each detector; order : the axes of such a dataset
    chunk : rows stored together; costs : bytes that each row takes in the file, and a little for itself
    """

    file: str
    paths: tuple[str, ...]
    order: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    chunk: int = 1
    costs: np.ndarray | None = None
    _open: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, opened, paths: list[str], order: tuple[str, ...]) -> "StoredSpectra":
        """Of datasets of an open file. Errors: DataError where their shapes differ or do not fit `order`."""
        every = [dataset(opened, path) for path in paths]
        shapes = {one.shape for one in every}
        where = f"{opened.filename}: {paths[0]}"
        if len(shapes) != 1 or len(every[0].shape) != len(order):
            known = " and ".join(map(str, sorted(shapes)))
            raise DataError(f"{where} has the shape {known}; it should have the axes {', '.join(order)}")
        if every[0].dtype.kind not in "biuf":
            raise DataError(f"{where} has values of type {every[0].dtype}; counts are real numbers")
        sizes = dict(zip(order, every[0].shape))
        sizes["detector"] = sizes.get("detector", 1) * len(paths)
        axes = AXES if "y" in order else POINTS
        first = order.index(axes[0])
        chunk = every[0].chunks[first] if every[0].chunks else 1
        shape = tuple(sizes.get(axis, 1) for axis in axes)
        costs = sum(_stored(one, first) for one in every) if every[0].chunks else None
        dtype = every[0].dtype.newbyteorder("=")
        return cls(opened.filename, tuple(paths), order, shape, dtype, chunk, costs)

    def __getstate__(self):
        return {**self.__dict__, "_open": None}

    @property
    def where(self) -> str:
        """File and dataset, for messages."""
        return f"{self.file}: {self.paths[0]}"

    def origin(self) -> list:
        """The datasets, and the file."""
        return ["spectra", *self.paths, list(self.order), {"file": self.file}]

    def reachable(self) -> bool:
        """Can this process open the file?"""
        try:
            open_hdf5(self.file).close()
        except Exception:
            return False
        return True

    def read(self, index, threads: int = 1) -> np.ndarray:
        """(len(index), ...) as `shape` says. Errors: DataError."""
        index = check_index(index, self.shape[0], self.where)
        order = np.argsort(index, kind="stable")
        out = np.empty((len(index), *self.shape[1:]), self.dtype)
        with foreign(self.where):
            parts = [self._part(data, index[order]) for data in self._datasets()]
        out[order] = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-2)
        return out

    def _part(self, data, rows: np.ndarray) -> np.ndarray:
        """Rising rows of a dataset, axes as everywhere"""
        axes = AXES if "y" in self.order else POINTS
        place = [slice(None)] * len(self.order)
        unique, back = np.unique(rows, return_inverse=True)
        place[self.order.index(axes[0])] = run_of(unique)
        values = data[tuple(place)].transpose([self.order.index(axis) for axis in axes if axis in self.order])
        values = values if len(unique) == len(rows) else values[back]
        lengths = dict(zip([axis for axis in axes if axis in self.order], values.shape))
        return values.reshape([lengths.get(axis, 1) for axis in axes])

    def _datasets(self) -> list:
        if self._open is None:
            self._open = open_hdf5(self.file)
            for path in self.paths:
                need_filters(self._open[path])
        return [self._open[path] for path in self.paths]

    def close(self) -> None:
        """Let go of the file."""
        if self._open is not None:
            self._open.close()
        self._open = None


def _stored(data, axis: int) -> np.ndarray:
    """(rows,) bytes that the rows along an axis take in the file, as stored: what reading and fitting cost
    follows them, as many counts need many bytes."""
    sizes, rows = np.zeros(data.shape[axis]), data.chunks[axis]

    def add(one):
        first = one.chunk_offset[axis]
        sizes[first : first + rows] += one.size / rows

    data.id.chunk_iter(add)
    return sizes + FIXED * max(sizes.mean(), 1.0)
