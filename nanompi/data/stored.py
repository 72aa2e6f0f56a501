"""Frames stored in a dataset of an HDF5 file, read plainly or chunk by chunk in threads."""

import os
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nanompi.data.source import CroppedFrames, Source, check_index, ends
from nanompi.io import chunks, unwritten
from nanompi.io.fingerprint import noted
from nanompi.io.hdf5 import dataset, foreign, hdf5, let_grow, open_hdf5
from nanompi.io.quantities import flat_frames

TOGETHER = 1 << 20  # bytes that a thread reads at once: small chunks are handed out together


@dataclass
class Hdf5Frames(Source):
    """Frames in a dataset (..., rows, columns) of an HDF5 file; the leading dimensions are counted together.

    core  : dimensions of one of them: 2; 1 for spectra (..., channels), which HDF5 reads without our threads
    chunk : frames stored together; read multiples of it. The open file stays in the process that opened it.
    files : the opened one, and all that `path` leads to over links, virtual and external datasets
    lines : rows of a frame that are stored together; 0 = all, or more frames than one with them
    window: (top, bottom, left, right), which part of each frame is read; () = all
    grows : its writer adds to the file; the frames are those that were there when it was opened first
    """

    file: str
    path: str
    shape: tuple[int, ...]
    dtype: np.dtype
    chunk: int = 1
    files: tuple[str, ...] = ()
    core: int = 2
    lines: int = 0
    window: tuple[int, ...] = ()
    grows: bool = False
    _open: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, opened, path: str, core: int = 2) -> "Hdf5Frames":
        """The source for a dataset of an open file; `path` may lead over links into other files."""
        with noted() as behind:
            data, where = dataset(opened, path), f"{opened.filename}: {path}"
        shape = flat_frames(data.shape, where, core)
        per = data.chunks[0] if data.chunks and data.ndim == core + 1 else 1
        file, dtype = os.path.abspath(opened.filename), data.dtype.newbyteorder("=")
        lines = _lines(data) if core == 2 and data.ndim == 3 else 0
        files = tuple(dict.fromkeys([file, *behind]))
        return cls(file, path, shape, dtype, per, files, core, lines, grows=opened.swmr_mode)

    def __getstate__(self):
        return {**self.__dict__, "_open": None}

    @property
    def where(self) -> str:
        """File and dataset, for messages."""
        return f"{self.file}: {self.path}"

    def origin(self) -> list:
        """The dataset, and all files that hold part of it."""
        part = [list(self.window)] if self.window else []
        return ["hdf5", self.path, *({"file": f} for f in self.files), *part]

    def reachable(self) -> bool:
        """Can this process open the file?"""
        try:
            return self._data() is not None
        except Exception:
            return False

    def holes(self) -> unwritten.Holes:
        """Which frames and pixels were never written. Errors: DataError."""
        if self.core > 2:
            return unwritten.Holes.none(self.shape[0])
        found = unwritten.holes(self._data(), more=(1,) * (2 - self.core))
        if self.window and found.pixels is not None:
            found.pixels = found.pixels[self._part]
        return found

    def cropped(self, rows: slice, columns: slice) -> Source:
        """Part of each frame. HDF5 reads no more than that where frames are not stored whole."""
        if not self.lines:
            return CroppedFrames(self, rows, columns)
        top, _, left, _ = self.window or (0, 0, 0, 0)
        (a, b), (c, d) = map(ends, (rows, columns), self.shape[1:])
        window = (top + a, top + b, left + c, left + d)
        return replace(self, shape=(self.shape[0], b - a, d - c), window=window, _open=None)

    @property
    def _part(self) -> tuple[slice, ...]:
        return tuple(slice(*ends) for ends in zip(self.window[::2], self.window[1::2]))

    def close(self) -> None:
        """Close the file of this process; the next read opens it again."""
        if self._open is not None:
            self._open[0].close()
            self._open = None

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Frames `index` in any order: (len(index), rows, columns), C-contiguous, native byte order.

        Errors: DataError naming file, dataset and frame.
        """
        index = check_index(index, self.shape[0], self.where)
        rising = bool(np.all(index[1:] > index[:-1]))
        wanted, back = (index, None) if rising else np.unique(index, return_inverse=True)
        with foreign(self.where):
            out = self._rising(wanted, threads)
        return out if back is None else out[back]

    def take(self, index) -> list[chunks.Stored] | None:
        """The chunks that hold the frames of a rising `index`, as stored.

        None where they are not compressed, or where HDF5 must read them. Each has `frames()`, which works
        on any rank.
        """
        with foreign(self.where):
            data = self._data()
            if self._open[2] is None:
                return None
            index = check_index(index, self.shape[0], self.where)
            return [self._take(data, index[a:b]) for a, b in self._parts(index)]

    def _data(self):
        if self._open is None:
            if self.grows:
                let_grow(self.file)
            file = open_hdf5(self.file)
            data = dataset(file, self.path, checked=True)
            how = chunks.recipe(data) if self.core == 2 and not self.window else None
            lead = data.shape[: data.ndim - self.core]  # h5py looks up a shape slowly
            self._open = (file, data, how, lead)
        return self._open[1]

    def _take(self, data, part: np.ndarray) -> chunks.Stored:
        first = int(part[0]) // self.chunk * self.chunk
        how, lead = self._open[2:]
        return chunks.take(data, lead, how, self.where, first, part - first)

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
                if len(self._open[3]) == 1 and last - first == b - a:
                    data.read_direct(out, (slice(first, last), *self._part), np.s_[a:b])
                else:
                    out[a:b] = self._span(data, first, last)[wanted[a:b] - first]
            except MemoryError:
                raise
            except Exception as error:
                raise chunks.broken(self.where, first, last, error) from error

    def _span(self, data, first: int, last: int) -> np.ndarray:
        lead = self._open[3]
        if not lead:
            return data[()][None]
        if len(lead) == 1:
            return data[(slice(first, last), *self._part)]
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
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(some, starts))


def _lines(data) -> int:
    """Rows of a frame of a dataset (frames, rows, columns) that are stored together; 0 = all of them."""
    if data.is_virtual or data.external:
        return 0
    if data.chunks is None:
        return 1
    return data.chunks[1] if data.chunks[1] < data.shape[1] else 0


def runs(wanted: np.ndarray, chunk: int = 1) -> list[tuple[int, int]]:
    """Parts [a, b) of a rising index that are best read together: neighbours, or frames of one chunk."""
    if not len(wanted):
        return []
    same = (np.diff(wanted) == 1) | (np.diff(wanted // chunk) == 0)
    cuts = np.flatnonzero(~same) + 1
    return list(zip([0, *cuts.tolist()], [*cuts.tolist(), len(wanted)]))
