"""Data on their way to a program and back: an HDF5 or a TIFF file on the disk of rank 0.

HDF5, for the program and from it:

    /data           the array; @axes their names in order, @units, @title
    /angle, ...     (n,) coordinates along an axis of that name; @units
    /positions      (n, 2) places (y, x) on the sample, where the coordinates of an axis are such; @axis
    /facts          @energy (J), @distance (m), @pixel (m) ... one attribute each, SI
    /beside/dark    small arrays that belong to the data: dark, flat, mask

The program gives `/data` of the same axes, and may give coordinates and facts, which then take the place of
those that there were. TIFF: one page for each place along the axes before the last two.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.data.data import Data, count, even
from nanompi.data.infile import ArrayInFile
from nanompi.data.remade import Remade
from nanompi.data.scaling import sampled
from nanompi.data.tiffs import TiffFrames
from nanompi.data.walk import loaded
from nanompi.errors import JobError, NanompiError, StepError, nearest
from nanompi.io import growing
from nanompi.io.atomic import complaint
from nanompi.io.hdf5 import dataset, foreign, open_hdf5
from nanompi.io.hdf5 import text as as_text
from nanompi.io.newtiff import begin_stack
from nanompi.io.tiff import is_tiff
from nanompi.io.unwritten import unwritten
from nanompi.methods.own import said
from nanompi.run.writers import spread

HDF5, TIFF = "hdf5", "tiff"
SUFFIX = {HDF5: ".h5", TIFF: ".tif"}
IN_TIFF = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8")
PIECE = 32 << 20  # bytes that are read and looked at together


def write(run, data: Data, path: Path | None, kind: str) -> ArrayInFile | None:
    """The data into a new file (collective); on rank 0 the array in it. Errors: JobError, ResourceError.

    No rank holds more than its own part and a block. path : on rank 0
    """
    arrays: list[ArrayInFile] = []
    run.team.on_root(lambda: arrays.append(begun(data, path, kind)))
    array = arrays[0] if arrays else None
    if data.values is None and not isinstance(data.source, Remade):  # in a file: rank 0 alone reads them
        run.team.on_root(lambda: _copied(data.source, array))
        return array
    if run.team.root:
        spread.write(run.team, data, _Rows(array))
    else:
        spread.send(run.team, data)
    return array


def in_memory(run, name: str) -> Data:
    """The data, loaded where they would have to be made again (collective)."""
    data = run.data[name]
    return loaded(run, name) if isinstance(data.source, Remade) and data.values is None else data


def begun(data: Data, path: Path, kind: str) -> ArrayInFile:
    """The file with everything but the values."""
    dtype = data.dtype.newbyteorder("<")
    if kind == HDF5:
        start = growing.place(path, "data", data.shape, dtype)
        try:
            _describe(data, path)
        except OSError as error:
            raise complaint(path, 0, error) from error
        return ArrayInFile(path, start, data.shape, dtype)
    if data.dtype.str[1:] not in IN_TIFF or len(data.shape) < 2:
        raise JobError(f"{data} do not fit into a TIFF file: give `in: {HDF5}`")
    try:
        start = begin_stack(path, (count(data.shape[:-2]), *data.shape[-2:]), dtype)
    except OSError as error:
        raise complaint(path, count(data.shape) * dtype.itemsize, error) from error
    return ArrayInFile(path, start, data.shape, dtype)


def _describe(data: Data, path: Path):
    import h5py

    with h5py.File(path, "r+") as f:
        own = f["data"].attrs
        own["axes"], own["units"], own["title"] = list(data.axes), data.unit, data.title
        for axis, (values, unit) in data.coords.items():
            name = axis if np.ndim(values) == 1 else "positions"
            if name not in f and np.asarray(values).dtype.kind in "biuf":
                f[name] = np.asarray(values)
                f[name].attrs["units"], f[name].attrs["axis"] = unit, axis
        facts = f.create_group("facts").attrs
        for name, value in data.facts.items():
            if isinstance(value, str | int | float | np.number) or _numbers(value):
                facts[name] = value
        for name, value in data.beside.items():
            if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
                f[f"beside/{name}"] = value


def _numbers(value) -> bool:
    return isinstance(value, tuple | list | np.ndarray) and np.asarray(value).dtype.kind in "biuf"


class _Rows:
    """An array in a file to be written to by entries of one of its axes, as `spread.write` does."""

    def __init__(self, array: ArrayInFile):
        self.array = array

    def __setitem__(self, place, values):
        if place is Ellipsis:
            place = (slice(0, len(values)),) if np.ndim(values) else ()
        if not place:
            self.array.write(np.arange(1), np.reshape(values, 1), 0)
            return
        axis, some = len(place) - 1, place[-1]
        numbers = np.arange(some.start, some.stop) if isinstance(some, slice) else some
        self.array.write(numbers, np.moveaxis(values, axis, 0), axis)


def _copied(source, array: ArrayInFile):
    for numbers in pieces(array.shape, array.kind):
        array.write(numbers, source.read(numbers))


def pieces(shape, dtype) -> list[np.ndarray]:
    """Numbers along the first axis, as many together as make a piece."""
    row = max(1, count(shape[1:]) * np.dtype(dtype).itemsize)
    step = max(1, PIECE // row)
    return [np.arange(i, min(i + step, shape[0])) for i in range(0, shape[0], step)] if shape else []


# ---- back --------------------------------------------------------------------------------------------------


@dataclass
class Given:
    """What a program gave: where its values are (rank 0), and what is known of them (all ranks).

    source : shape, dtype, read(numbers) of rows along the first axis
    """

    source: Any
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    coords: dict = field(default_factory=dict)
    facts: dict = field(default_factory=dict)
    unit: str | None = None

    def __reduce__(self):
        return Given, (None, self.axes, self.shape, self.dtype, self.coords, self.facts, self.unit)


@dataclass(frozen=True)
class Wanted:
    """What a program is to give. sizes : along each of the axes; None = any

    coords, facts : those of the data before
    """

    axes: tuple[str, ...]
    sizes: tuple[int | None, ...]
    dtype: np.dtype
    coords: dict = field(default_factory=dict, compare=False)
    facts: dict = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, data: Data, axes: list[str], changes: list[str]) -> "Wanted":
        """For these data. axes : others than theirs; changes : those of any length"""
        sizes = {a: n for a, n in zip(data.axes, data.shape) if a not in changes}
        names = tuple(axes) or data.axes
        return cls(names, tuple(map(sizes.get, names)), data.dtype, data.coords, data.facts)

    def __str__(self):
        return " x ".join(f"{'any' if n is None else n} {a}" for a, n in zip(self.axes, self.sizes))


def read(path: Path, kind: str, want: Wanted, double: bool) -> Given:
    """What a program wrote, looked at in full: whole, of these axes, numbers, finite (rank 0).

    Errors: StepError in words for the user.
    """
    if not path.exists():
        raise StepError("it has ended well, but has not written the file {out}")
    if path.is_symlink() or not path.is_file():
        raise StepError("{out} is no plain file: " + ("a link" if path.is_symlink() else "a folder or pipe"))
    try:
        given = _hdf5(path, want) if kind == HDF5 else _tiff(path, want)
        _check(given, want)
        return replace(given, dtype=_kept(given.dtype, want.dtype, double))
    except StepError:
        raise
    except NanompiError as error:
        text = str(error).replace(str(path), "{out}")
        raise StepError(f"what it wrote is not whole: {text}") from None


def _hdf5(path: Path, want: Wanted) -> Given:
    with open_hdf5(str(path)) as f, foreign("{out}"):
        name = _name(f)
        data = dataset(f, name, checked=True)
        if data.shape is None or data.dtype.kind not in "biufc":
            raise StepError(f"{name} in {{out}} holds {data.dtype}; numbers are needed")
        lost = unwritten(data) if data.size < 1 << 26 else _lost(data)
        if lost is not None and lost.any():
            raise StepError(
                f"{int(lost.sum())} of {lost.size} values or images in {{out}} were never written"
            )
        own = data.attrs
        axes = tuple(map(as_text, np.atleast_1d(own["axes"]))) if "axes" in own else want.axes
        unit = as_text(own["units"]) if "units" in own else None
        dtype = data.dtype.newbyteorder("=")
        given = Given(_Stored(path, name, data.shape, dtype), axes, data.shape, dtype, unit=unit)
        _check(given, want)
        given.coords = said.coordinates(f, axes, data.shape, want.coords)
        facts = {k: _fact(v) for k, v in f["facts"].attrs.items()} if "facts" in f else {}
        given.facts = said.facts(facts, want.facts)
        return given


def _lost(data) -> np.ndarray:
    from nanompi.io.unwritten import holes

    return holes(data).frames


def _fact(value):
    if isinstance(value, bytes | str):
        return as_text(value)
    return value.item() if np.ndim(value) == 0 and hasattr(value, "item") else tuple(np.ravel(value).tolist())


def _name(f) -> str:
    """The dataset of the result: `data`, else the only one of several dimensions."""
    import h5py

    if isinstance(f.get("data"), h5py.Dataset):
        return "data"
    known: list[str] = []
    f.visititems(lambda name, one: known.append(name) if isinstance(one, h5py.Dataset) else None)
    several = [name for name in known if len(f[name].shape or ()) > 1]
    if len(several) == 1:
        return several[0]
    there = f"; there are {', '.join(known[:8])}" if known else "; it is empty"
    raise StepError(f'there is no dataset "data" in {{out}}{nearest("data", known)}{there}')


@dataclass
class _Stored:
    """Rows of a dataset of the program's file."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype

    def read(self, numbers) -> np.ndarray:
        """(len(numbers), ...) of numbers that follow one another"""
        with open_hdf5(str(self.path)) as f, foreign("{out}"):
            data = f[self.name]
            return data[numbers[0] : numbers[-1] + 1] if self.shape else np.atleast_1d(data[()])


def _tiff(path: Path, want: Wanted) -> Given:
    if not is_tiff(str(path)):
        raise StepError("{out} is no TIFF file")
    frames = TiffFrames.of([str(path)], "{out}")
    shape = (*_lead(frames.shape[0], want.sizes[:-2]), *frames.shape[1:])
    return Given(_Pages(frames, shape), want.axes, shape, frames.dtype)


def _lead(n: int, sizes: tuple) -> tuple[int, ...]:
    """Lengths of the axes before those of an image, for n pages; (n,) where they do not fit."""
    known = count(size for size in sizes if size)
    if None in sizes and n % known == 0:
        first = sizes.index(None)
        sizes = (*sizes[:first], n // known, *sizes[first + 1 :])
    return sizes if None not in sizes and count(sizes) == n else (n,)


@dataclass
class _Pages:
    """Rows of pages, where several axes stand before those of the image."""

    frames: TiffFrames
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype:
        """Of the images."""
        return self.frames.dtype

    def read(self, numbers) -> np.ndarray:
        """(len(numbers), ...)"""
        if len(self.shape) == 2:
            return self.frames.read(np.arange(1))[0][numbers]
        each = count(self.shape[1:-2])
        images = (np.asarray(numbers)[:, None] * each + np.arange(each)).ravel()
        return self.frames.read(images).reshape(len(numbers), *self.shape[1:])


def _check(given: Given, want: Wanted):
    """Errors: StepError where axes or lengths are not as they must be."""
    if given.axes != want.axes:
        raise StepError(f"{{out}} has the axes {', '.join(given.axes)}, not {', '.join(want.axes)}")
    fits = len(given.shape) == len(want.axes) and 0 not in given.shape
    if not fits or any(m not in (None, n) for n, m in zip(given.shape, want.sizes)):
        sizes = " x ".join(map(str, given.shape)) or "one value"
        raise StepError(
            f"{{out}} has the shape {sizes}, not {want}; an axis whose length changes is named by `changes:`"
        )


def _kept(got: np.dtype, had: np.dtype, double: bool) -> np.dtype:
    """The precision of the run: double only where the data, or the run, are in it."""
    if double or had in (np.float64, np.complex128) or got.kind not in "fc":
        return np.dtype(np.float32) if got == np.float16 else got
    return np.dtype(np.complex64 if got.kind == "c" else np.float32)


def looked_at(source, dtype, digest=None) -> int:
    """How many values are NaN or infinite, as this dtype; digest : of hashlib, gets all bytes"""
    bad = 0
    for numbers in pieces(source.shape, source.dtype) or [np.arange(1)]:
        with np.errstate(over="ignore"):
            values = np.ascontiguousarray(source.read(numbers)).astype(dtype, copy=False)
        bad += int((~np.isfinite(values)).sum()) if values.dtype.kind in "fc" else 0
        if digest:
            digest.update(values.tobytes())
    return bad


def take(run, name: str, given: Given, before: Data) -> Data:
    """What a program gave as data, spread evenly over the ranks along their first axis (collective).

    Large results are written in place, where the run has a place for them. Errors: ResourceError.
    """
    data = described(given, before)
    ranks, parts = run.team.size, even(given.shape[0], run.team.size)
    first = None
    if run.store and run.store.kind == "uint16" and run.team.root:
        first = np.concatenate([given.source.read(np.array([k])) for k in sampled(given.shape[0])])
    final = run.store and name in run.store.final
    array = run.store.place(name, given.shape, given.dtype, first) if final else None
    if array is not None:
        run.team.on_root(lambda: _moved(given, array))
        return data.in_file(array, ranks)
    return data.holding(_shared(run.team, given, parts), data.axes[0], parts)


def described(given: Given, before: Data) -> Data:
    """The data but for their values: what was known of them, and what the program says."""
    data = before.holding(None, "", [])
    lengths = dict(zip(before.axes, before.shape))
    same = {a for a, n in zip(given.axes, given.shape) if lengths.get(a) == n}
    data.axes, data.source = given.axes, None
    data.coords = {a: known for a, known in before.coords.items() if a in same} | given.coords
    data.facts = before.facts | given.facts
    data.unit = before.unit if given.unit is None else given.unit
    if given.axes[:1] != before.axes[:1] or given.axes[0] not in same:
        data.per_row = {}
    if (given.axes, given.shape) != (before.axes, before.shape):
        data.beside = {}  # a mask, a dark of another size
    return data


def _moved(given: Given, array: ArrayInFile):
    for numbers in pieces(given.shape, given.dtype):
        array.write(numbers, given.source.read(numbers).astype(given.dtype, copy=False))


def _shared(team, given: Given, parts: list[np.ndarray]) -> np.ndarray:
    """The rows of this rank, as rank 0 reads and sends them, a block at a time (collective)."""
    own = np.empty((len(parts[team.rank]), *given.shape[1:]), given.dtype)
    for rank, part in enumerate(parts):
        for numbers in (part[n] for n in pieces((len(part), *given.shape[1:]), given.dtype)):
            where, rows = numbers - part[0], None
            if team.root:
                rows = given.source.read(numbers).astype(given.dtype, copy=False)
            if team.root and rank:
                team.wait(team.isend(np.ascontiguousarray(rows).reshape(-1).view(np.uint8), rank, TAG))
            elif team.rank == rank:
                got = rows if team.root else team.recv(0, TAG).view(given.dtype).reshape(-1, *given.shape[1:])
                own[where] = got
    return own


TAG = 75
