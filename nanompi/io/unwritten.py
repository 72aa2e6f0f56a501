"""Which frames of an HDF5 dataset, or values of a small one, were never written.

HDF5 answers with fill values where nothing is stored: chunks that were never written, parts of a virtual
dataset that lead nowhere, external files that end too early. Darkness looks the same, so the file is asked:
the index of its chunks, the mapping and the sizes, through all levels of virtual datasets.
"""

import os
from dataclasses import dataclass
from itertools import product

import numpy as np

from nanompi.errors import DataError, NanompiError
from nanompi.io.hdf5 import foreign, hdf5, open_hdf5, whole
from nanompi.io.links import VIRTUAL, places, raw_place

DEEPEST = 16  # virtual datasets of virtual datasets
ENDLESS = 1 << 62  # a count from here on means "as many as there are"


@dataclass
class Holes:
    """What a dataset (..., rows, columns) does not hold; the leading dimensions are counted together.

    frames : (n,) bool, True where a frame, or part of it that others have, was never written
    pixels : (rows, columns) bool, True where no frame has anything (gaps between modules); None = nowhere
    """

    frames: np.ndarray
    pixels: np.ndarray | None = None

    def some(self, numbers) -> "Holes":
        """Of some of the frames."""
        return Holes(self.frames[numbers], self.pixels)

    @classmethod
    def none(cls, n: int) -> "Holes":
        """All n frames are there."""
        return cls(np.zeros(n, bool))

    @classmethod
    def joined(cls, parts: list["Holes"]) -> "Holes":
        """Of sources one after another. A pixel that some part has is kept."""
        gaps = [p.pixels for p in parts]
        gone = None if any(g is None for g in gaps) else np.logical_and.reduce(gaps)
        return cls(np.concatenate([p.frames for p in parts]), gone)


def holes(data, above: tuple = (), more: tuple = ()) -> Holes:
    """What a dataset does not hold. Errors: DataError for a circle.

    above : datasets that lead here
    more  : dimensions after its own; with (1, 1) each value is a frame of one pixel
    """
    cover = _Cover(data.shape, more)
    if data.is_virtual:
        _virtual(data, cover, above)
    elif data.external:
        _external(data, cover)
    elif data.chunks is not None:
        _chunks(data, cover)
    elif _never_allocated(data):
        cover.lost(np.arange(cover.n))
    return cover.holes()


def unwritten(data) -> np.ndarray | None:
    """Which values of a small dataset were never written, bool of its shape; None where all are there.

    data : a dataset, or an array in memory, which is whole
    """
    if not isinstance(data, hdf5().Dataset) or (not data.shape and data.shape != ()):
        return None
    lost = holes(data, more=(1, 1)).frames
    return lost.reshape(data.shape) if lost.any() else None


def measured(data, where: str, notes: list[str]) -> np.ndarray:
    """All values of a small dataset (or array); those that were never written are NaN, which is noted.

    Errors: DataError, ResourceError naming file and dataset.
    """
    out = whole(data, where)
    with foreign(where):
        lost = unwritten(data) if out.dtype.kind in "biuf" else None
    if lost is None:
        return out
    notes.append(f"warning: {where}: {int(lost.sum())} of {lost.size} values were never written")
    return np.where(lost, np.nan, out)


def complete(data, where: str) -> np.ndarray:
    """All values of a small dataset, each of which must be there. Errors: as `measured`, and DataError."""
    notes: list[str] = []
    out = measured(data, where, notes)
    if notes:
        raise DataError(f"{notes[0].removeprefix('warning: ')}; is this the right dataset?")
    return out


class _Cover:
    """How many pixels of each frame are there, and which pixels any frame has."""

    def __init__(self, shape, more: tuple = ()):
        self.more, shape = more, (*shape, *more)
        self.lead, self.frame = tuple(shape[:-2]), tuple(shape[-2:])
        self.n, self.full = int(np.prod(self.lead, dtype=np.int64)), int(np.prod(self.frame))
        self.area, self.any = np.full(self.n, self.full), None

    def nothing(self):
        """So far nothing is known to be there."""
        self.area[:], self.any = 0, np.zeros(self.frame, bool)

    def lost(self, frames):
        """These frames are not there."""
        self.area[frames] = 0

    def add(self, frames, rows: slice, columns: slice):
        """These frames (numbers, or bool) have a piece more."""
        if np.any(frames) or np.size(frames) == 1:
            self.any[rows, columns] = True
            self.area[frames] += (rows.stop - rows.start) * (columns.stop - columns.start)

    def holes(self) -> Holes:
        """What is missing. A piece that no frame has is a gap, not a missing piece of each frame."""
        if self.any is None or not self.any.any() or self.any.all():
            return Holes(self.area < self.full)
        return Holes(self.area < int(self.any.sum()), ~self.any)


def _never_allocated(data) -> bool:
    """A contiguous dataset takes no room before something is written to it."""
    contiguous = data.id.get_create_plist().get_layout() == hdf5().h5d.CONTIGUOUS
    return contiguous and data.id.get_storage_size() == 0


def _chunks(data, cover: _Cover) -> None:
    """Chunks that the index does not name were never written."""
    chunks = (*data.chunks, *cover.more)
    grid = tuple(-(-n // c) for n, c in zip((*data.shape, *cover.more), chunks))
    if data.id.get_num_chunks() == int(np.prod(grid)):
        return
    written = np.zeros(grid, bool)
    data.id.chunk_iter(lambda one: written.__setitem__(_place(one, data.chunks), True))
    for axis, (n, c) in enumerate(zip(cover.lead, chunks)):
        written = np.repeat(written, c, axis).take(np.arange(n), axis)
    written = written.reshape(cover.n, *grid[-2:])
    cover.nothing()
    for tile in product(*map(range, grid[-2:])):
        ends = zip(tile, chunks[-2:], cover.frame)
        rows, columns = (slice(k * c, min(n, (k + 1) * c)) for k, c, n in ends)
        cover.add(np.flatnonzero(written[:, *tile]), rows, columns)


def _place(one, chunks):
    return tuple(at // c for at, c in zip(one.chunk_offset, chunks))


def _external(data, cover: _Cover) -> None:
    """The bytes of a dataset in files of their own, one after another; a file may end too early."""
    frame, begin = cover.full * data.dtype.itemsize, 0
    for name, offset, size in data.external:
        size = min(size, cover.n * frame - begin)
        path = raw_place(name, data.file.filename)
        held = max(0, os.path.getsize(path) - offset) if path else 0
        if held < size:
            cover.lost(np.arange((begin + held) // frame, -(-(begin + size) // frame)))
        begin += size
    if begin < cover.n * frame:
        cover.lost(np.arange(begin // frame, cover.n))


def _virtual(data, cover: _Cover, above: tuple) -> None:
    """Piece after piece of the mapping, as far as the sources have it."""
    here = (os.path.realpath(data.file.filename), data.name)
    if here in above or len(above) > DEEPEST:
        raise DataError(f"{data.file.filename}: {data.name} is a virtual dataset that leads back to itself")
    sources = _Sources(data.file, (*above, here), cover.more)
    cover.nothing()
    try:
        for one in data.virtual_sources():
            for to, file, name, at in _pieces(one, data.shape, cover.more):
                _piece(cover, to, sources.get(file, name), at)
    finally:
        sources.close()


def _pieces(one, shape, more):
    """(selection in the virtual dataset, file, dataset, selection in the source) of a line of the mapping.

    A line with %b in a name stands for as many sources as there are blocks.
    """
    to, at = _Selection(one.vspace, shape, more=more), one.src_space
    if "%b" not in one.file_name + one.dset_name:
        yield to, one.file_name, one.dset_name, at
        return
    for k in range(to.blocks()):
        file, name = (
            text.replace("%b", str(k)).replace("%%", "%") for text in (one.file_name, one.dset_name)
        )
        yield to.block(k), file, name, at


def _piece(cover: _Cover, to: "_Selection", source, at) -> None:
    """Add what a source has of a piece. source : (shape, Holes) or None where there is none."""
    frames, rows, columns = to.frames(cover.lead)
    if source is None:
        return
    shape, inner = source
    part = _Selection(at, shape, more=cover.more)
    shape = part.shape
    known, their_rows, their_columns = part.frames(shape[:-2])
    there = np.zeros(len(frames), bool)
    if their_rows.stop <= shape[-2] and their_columns.stop <= shape[-1]:
        known = known[: len(frames)]
        held = known >= 0
        held[held] = ~inner.frames[known[held]]
        there[: len(held)] = held
    cover.add(frames[there], rows, columns)


class _Selection:
    """Which part of a dataset a line of the mapping means: per dimension start, stride, count, block,
    or the numbers themselves.

    more : sizes of further dimensions, of which it means all
    """

    def __init__(self, space, shape, axes=None, more: tuple = ()):
        self.shape, self.axes = (*shape, *more), axes
        if axes is None:
            self.axes = [*_axes(space, shape), *((0, 1, 1, n) for n in more)]

    def blocks(self) -> int:
        """How many blocks along the dimension that may grow."""
        return max(self._count(axis, n) for axis, n in zip(self.axes, self.shape))

    def block(self, k: int) -> "_Selection":
        """Block k along the dimension that may grow."""
        grows = [axis[2] >= ENDLESS for axis in self.axes]
        axes = [(s + k * t, t, 1, b) if g else (s, t, c, b) for g, (s, t, c, b) in zip(grows, self.axes)]
        return _Selection(None, self.shape, axes)

    def frames(self, lead) -> tuple[np.ndarray, slice, slice]:
        """(numbers of the frames in their order, -1 = beyond the dataset; rows; columns)."""
        ranges = [self._range(axis, n) for axis, n in zip(self.axes, self.shape)]
        where = np.meshgrid(*ranges[:-2], indexing="ij") if lead else []
        flat = [w.ravel() for w in where]
        inside = np.logical_and.reduce([w < n for w, n in zip(flat, lead)]) if lead else np.ones(1, bool)
        numbers = np.full(len(inside), -1)
        if lead and inside.any():
            numbers[inside] = np.ravel_multi_index([w[inside] for w in flat], lead)
        numbers = numbers if lead else np.zeros(1, int)
        return numbers, *(slice(int(r[0]), int(r[-1]) + 1) for r in ranges[-2:])

    @staticmethod
    def _count(axis, n) -> int:
        start, stride, count, block = axis
        return max(1, (n - start - block) // stride + 1) if count >= ENDLESS else count

    def _range(self, axis, n) -> np.ndarray:
        if isinstance(axis, np.ndarray):
            return axis
        start, stride, _, block = axis
        if block >= ENDLESS:
            return np.arange(start, max(n, start + 1))
        steps = np.arange(self._count(axis, n))
        return (start + stride * steps[:, None] + np.arange(block)).ravel()


def _axes(space, shape) -> list:
    """Per dimension (start, stride, count, block) of a selection; its numbers where it is irregular."""
    s = hdf5().h5s
    if space.get_select_type() == s.SEL_ALL:
        return [(0, 1, 1, n) for n in shape]
    if space.is_regular_hyperslab():
        return list(zip(*space.get_regular_hyperslab()))
    ends = np.moveaxis(space.get_select_hyper_blocklist().astype(int), -1, 0)  # dimension, block, ends
    return [np.unique(np.concatenate([np.arange(a, b + 1) for a, b in each])) for each in ends]


class _Sources:
    """The sources of a virtual dataset, each opened once."""

    def __init__(self, file, above, more: tuple = ()):
        self.master, self.above, self.more = file, above, more
        self.files, self.known = {".": file}, {}

    def get(self, file: str, name: str):
        """(shape, Holes) of a source; None where it is not there."""
        if (file, name) not in self.known:
            self.known[file, name] = self._look(file, name)
        return self.known[file, name]

    def _look(self, file, name):
        if file not in self.files:
            self.files[file] = self._open(file)
        try:
            data = self.files[file][name] if self.files[file] else None
        except (KeyError, OSError, RuntimeError, ValueError):
            return None
        if not isinstance(data, hdf5().Dataset) or data.ndim + len(self.more) < 2:
            return None
        return data.shape, holes(data, self.above, self.more)

    def _open(self, name):
        for path in places(name, self.master.filename, VIRTUAL):
            try:
                return open_hdf5(path)
            except (NanompiError, OSError):
                continue
        return None

    def close(self):
        """Close what was opened."""
        for name, file in self.files.items():
            if file and name != ".":
                file.close()
