"""Sources of frames: where they are, small enough to be sent to every rank, read by whoever needs them."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.errors import DataError
from nanompi.files import dataset, hdf5, open_hdf5
from nanompi.read import chunks
from nanompi.read.values import flat_frames
from nanompi.scatter import taken

TOGETHER = 1 << 20  # bytes that a thread reads at once: small chunks are handed out together


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
        out = self._rising(wanted, threads)
        return out if back is None else out[back]

    def take(self, index) -> list[chunks.Stored] | None:
        """The chunks that hold the frames of a rising `index`, as stored.

        None where they are not compressed, or where HDF5 must read them. Each has `frames()`, which works
        on any rank.
        """
        data = self._data()
        if self._open[2] is None:
            return None
        index = check_index(index, self.shape[0], f"{self.file}: {self.path}")
        return [self._take(data, index[a:b]) for a, b in self._parts(index)]

    def _data(self):
        if self._open is None:
            file = open_hdf5(self.file)
            data = dataset(file, self.path)
            self._open = (file, data, chunks.recipe(data), data.shape[:-2])  # h5py looks up a shape slowly
        return self._open[1]

    def _take(self, data, part: np.ndarray) -> chunks.Stored:
        first = int(part[0]) // self.chunk * self.chunk
        how, lead = self._open[2:]
        return chunks.take(data, lead, how, f"{self.file}: {self.path}", first, part - first)

    def _parts(self, wanted: np.ndarray) -> list[tuple[int, int]]:
        """Parts [a, b) of a rising index that lie in one chunk."""
        cuts = (np.flatnonzero(np.diff(wanted // self.chunk)) + 1).tolist()
        return list(zip([0, *cuts], [*cuts, len(wanted)])) if len(wanted) else []

    def _rising(self, wanted: np.ndarray, threads: int) -> np.ndarray:
        data = self._data()
        parts = self._parts(wanted)
        if self._open[2] is not None and len(parts) == 1:
            return self._take(data, wanted).frames()
        out = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        if self._open[2] is None:
            self._read_plain(data, wanted, out)
        else:
            self._read_chunks(data, parts, wanted, out, threads)
        return out

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
                raise chunks.broken(f"{self.file}: {self.path}", first, last, error) from None

    def _span(self, data, first: int, last: int) -> np.ndarray:
        if data.ndim == 2:
            return data[()][None]
        if data.ndim == 3:
            return data[first:last]
        lead = data.shape[:-2]
        return np.stack([data[np.unravel_index(i, lead)] for i in range(first, last)])

    def _read_chunks(self, data, parts, wanted: np.ndarray, out: np.ndarray, threads: int) -> None:
        """By threads: each takes one chunk raw, decompresses it and copies its frames."""

        def some(first):
            own = parts[first : first + together]
            with (
                hdf5()._hl.base.phil
            ):  # once for all: a lock that goes to and fro costs more than the reading
                raw = [self._take(data, wanted[a:b]) for a, b in own]
            for (a, b), one in zip(own, raw):
                one.into(out[a:b])

        size = self.chunk * int(np.prod(self.shape[1:])) * self.dtype.itemsize
        together = max(1, TOGETHER // size)
        starts = range(0, len(parts), together)
        if threads <= 1:
            list(map(some, starts))
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(some, starts))


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

    def take(self, index) -> list[Any] | None:
        """The chunks that hold the frames of a rising `index`, as stored; None where a part has none."""
        index = check_index(index, self.shape[0], "joined frames")
        ends = np.cumsum([p.shape[0] for p in self.parts])
        part, out = np.searchsorted(ends, index, side="right"), []
        for k in np.unique(part):
            here = taken(self.parts[k], index[part == k] - (ends[k] - self.parts[k].shape[0]))
            if here is None:
                return None
            out += here
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

    def take(self, index) -> list[Any] | None:
        """The chunks that hold the frames of a rising `index`, as stored."""
        return taken(self.source, self.start + self.step * check_index(index, self.shape[0], "selected"))

    def close(self) -> None:
        """Let the source go of what it holds."""
        getattr(self.source, "close", lambda: None)()


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

    def close(self) -> None:
        """Let the source go of what it holds."""
        getattr(self.source, "close", lambda: None)()
