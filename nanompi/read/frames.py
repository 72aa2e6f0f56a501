"""Sources of frames: where they are, small enough to be sent to every rank, read by whoever needs them."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.errors import DataError
from nanompi.files import dataset, open_hdf5
from nanompi.read.chunks import decoder, raw_chunk
from nanompi.read.values import flat_frames

Pieces = list[tuple[int, int, int, int]]


def check_index(index, n: int, what: str) -> np.ndarray:
    """`index` as int64. Errors: DataError when a frame is outside 0..n-1."""
    index = np.atleast_1d(np.asarray(index, np.int64)).ravel()
    if index.size and (index.min() < 0 or index.max() >= n):
        bad = int(index[(index < 0) | (index >= n)][0])
        raise DataError(f"{what}: frame {bad} is asked for; it has the frames 0 to {n - 1}")
    return index


@dataclass
class Hdf5Frames:
    """Frames in a dataset (..., rows, columns) of an HDF5 file; the leading dimensions are counted together.

    chunk : frames stored together; read multiples of it. The open file stays in the process that opened it.
    """

    file: str
    path: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    chunk: int = 1
    _open: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, opened, path: str) -> "Hdf5Frames":
        """The source for a dataset of an open file; `path` may lead over links into other files."""
        data, where = dataset(opened, path), f"{opened.filename}: {path}"
        per = data.chunks[0] if data.chunks and data.ndim == 3 else 1
        shape = flat_frames(data.shape, where)
        return cls(os.path.abspath(opened.filename), path, shape, data.dtype.newbyteorder("="), per)

    def __getstate__(self):
        return {**self.__dict__, "_open": None}

    def reachable(self) -> bool:
        """Can this process open the file?"""
        try:
            return self._data() is not None
        except (DataError, OSError):
            return False

    def close(self) -> None:
        """Close the file of this process; the next read opens it again."""
        if self._open is not None:
            self._open[0].close()
            self._open = None

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Frames `index` in any order: (len(index), rows, columns), C-contiguous, native byte order.

        Errors: DataError naming file, dataset and frame.
        """
        index = check_index(index, self.shape[0], f"{self.file}: {self.path}")
        rising = bool(np.all(index[1:] > index[:-1]))
        wanted, back = (index, None) if rising else np.unique(index, return_inverse=True)
        out = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        data = self._data()
        decode = decoder(data)
        if decode is None:
            self._read_plain(data, wanted, out)
        else:
            self._read_chunks(data, decode, wanted, out, threads)
        return out if back is None else out[back]

    def _data(self):
        if self._open is None:
            file = open_hdf5(self.file)
            self._open = (file, dataset(file, self.path))
        return self._open[1]

    def _read_plain(self, data, wanted: np.ndarray, out: np.ndarray) -> None:
        """By HDF5: neighbours together, a chunk of several frames once."""
        for a, b in runs(wanted, self.chunk):
            first, last = int(wanted[a]), int(wanted[b - 1]) + 1
            try:
                if data.ndim == 3 and last - first == b - a:
                    data.read_direct(out, np.s_[first:last], np.s_[a:b])
                else:
                    out[a:b] = self._span(data, first, last)[wanted[a:b] - first]
            except (OSError, RuntimeError) as error:
                raise self._broken(first, last, error) from None

    def _span(self, data, first: int, last: int) -> np.ndarray:
        if data.ndim == 2:
            return data[()][None]
        if data.ndim == 3:
            return data[first:last]
        lead = data.shape[:-2]
        return np.stack([data[np.unravel_index(i, lead)] for i in range(first, last)])

    def _read_chunks(self, data, decode, wanted: np.ndarray, out: np.ndarray, threads: int) -> None:
        """By threads: each takes one chunk raw, decompresses it and copies its frames."""
        number = wanted // self.chunk
        starts = np.flatnonzero(np.r_[True, number[1:] != number[:-1]]) if len(wanted) else np.empty(0, int)
        ends = np.r_[starts[1:], len(wanted)]

        def one(part):
            a, b = part
            first = int(number[a]) * self.chunk
            try:
                raw = raw_chunk(data, first)
                last = min(first + self.chunk, self.shape[0])
                held = (
                    self._span(data, first, last) if raw is None else decode(raw).reshape(-1, *out.shape[1:])
                )
                out[a:b] = held if b - a == len(held) else held[wanted[a:b] - first]
            except Exception as error:
                raise self._broken(first, first + self.chunk, error) from None

        parts = list(zip(starts.tolist(), ends.tolist()))
        if threads <= 1 or len(parts) < 2:
            for part in parts:
                one(part)
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, parts))

    def _broken(self, first: int, last: int, error: Exception) -> DataError:
        return DataError(
            f"{self.file}: {self.path}: frames {first} to {last - 1} cannot be read ({error}); the file is "
            "damaged or was not written to its end: copy it again, or leave these frames out by `select:`"
        )


def runs(wanted: np.ndarray, chunk: int = 1) -> list[tuple[int, int]]:
    """Parts [a, b) of a rising index that are best read together: neighbours, or frames of one chunk."""
    if not len(wanted):
        return []
    same = (np.diff(wanted) == 1) | (np.diff(wanted // chunk) == 0)
    cuts = np.flatnonzero(~same) + 1
    return list(zip([0, *cuts.tolist()], [*cuts.tolist(), len(wanted)]))


@dataclass
class JoinedFrames:
    """Several sources one after another, such as the chunks of a .ptyd or the files of one acquisition."""

    parts: list[Any]
    shape: tuple[int, int, int]
    dtype: np.dtype
    chunk: int = 1

    @classmethod
    def of(cls, parts: list[Any], where: str) -> "JoinedFrames":
        """Join; DataError when the frames differ in size."""
        sizes = sorted({p.shape[1:] for p in parts})
        if len(sizes) != 1:
            raise DataError(
                f"{where}: its parts have frames of {len(sizes)} sizes ({sizes[0]}, {sizes[1]} ...)"
            )
        n = sum(p.shape[0] for p in parts)
        return cls(parts, (n, *sizes[0]), np.result_type(*(p.dtype for p in parts)), parts[0].chunk)

    def reachable(self) -> bool:
        """Can this process open all parts?"""
        return all(p.reachable() for p in self.parts)

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Frames `index` counted over all parts: (len(index), rows, columns)."""
        index = check_index(index, self.shape[0], "joined frames")
        out = np.empty((len(index), *self.shape[1:]), self.dtype)
        ends = np.cumsum([p.shape[0] for p in self.parts])
        part = np.searchsorted(ends, index, side="right")
        for k in np.unique(part):
            mine = np.flatnonzero(part == k)
            out[mine] = self.parts[k].read(index[mine] - (ends[k] - self.parts[k].shape[0]), threads)
        return out


@dataclass
class SelectedFrames:
    """Every `step`-th frame of another source, from `start`: what `select: "0:100"` or `"::2"` leaves."""

    source: Any
    start: int
    step: int
    shape: tuple[int, int, int]

    @property
    def dtype(self) -> np.dtype:
        """As stored."""
        return self.source.dtype

    @property
    def chunk(self) -> int:
        """Frames stored together."""
        return max(1, getattr(self.source, "chunk", 1) // self.step)

    @property
    def whole(self) -> bool:
        """Does one read load all frames?"""
        return getattr(self.source, "whole", False)

    def reachable(self) -> bool:
        """Can this process open the file?"""
        return self.source.reachable()

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Frames `index` of the selection."""
        index = check_index(index, self.shape[0], "selected frames")
        return self.source.read(self.start + self.step * index, threads)


@dataclass
class PickedFrames:
    """Some frames of another source, by their numbers: what `select: "middle:100"` leaves."""

    source: Any
    numbers: np.ndarray
    shape: tuple[int, int, int]
    chunk: int = 1

    @property
    def dtype(self) -> np.dtype:
        """As stored."""
        return self.source.dtype

    @property
    def whole(self) -> bool:
        """Does one read load all frames?"""
        return getattr(self.source, "whole", False)

    def reachable(self) -> bool:
        """Can this process open the file?"""
        return self.source.reachable()

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Frames `index` of the selection."""
        return self.source.read(self.numbers[check_index(index, self.shape[0], "selected frames")], threads)
