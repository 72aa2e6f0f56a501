"""Signals of a result or of a live view, read from the NXdata groups of its file, each when it is asked for.

The file may be of anybody: its own datasets alone are read, no links into other files, and of arrays with
more axes than an image has the planes that are shown.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nanompi.data.data import count
from nanompi.data.planes import MAP, NAMES, planes
from nanompi.errors import DataError, shown
from nanompi.io.hdf5 import foreign, hdf5, open_hdf5, text
from nanompi.run.marks import BY_NAME, marks_of
from nanompi.run.result import OF_EVERY_RESULT, Signal

LARGEST = 1 << 28  # values of a signal
MOST = 500  # groups that are looked at
WORD = 200  # characters of a title, a unit, a name
SHOWS = ("image", "map", "angle", "modes", "curve", "spectrum", "arrows", "positions", "frame")
PICTURES = "pictures"  # the group of what is shown and is no result


class SignalsInFile(Mapping):
    """{name: Signal} of a file, the one that a viewer opens first in front.

    pictures : with what is shown and is no result, behind the others; one of the name of a signal is shown in
        its place
    Errors: DataError, where the file is damaged or a signal is larger than LARGEST.
    """

    def __init__(self, path: Path, pictures: bool = True):
        self.path = Path(path)
        with open_hdf5(str(self.path)) as file, foreign(str(self.path)):
            entry = own(file, "entry_1")
            self._places = _places(entry) | (_places(own(entry, PICTURES), PICTURES) if pictures else {})

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def show(self, name: str) -> str:
        """How a picture is made of a signal (`Signal.show`), without reading it."""
        return self._places[name][3]

    def __getitem__(self, name: str) -> Signal:
        above, group, place, show = self._places[name]
        with open_hdf5(str(self.path)) as file, foreign(f"{self.path}: {shown(name, WORD)}"):
            parent = own(file, "entry_1")
            parent = own(parent, above) if above else parent
            return _signal(own(parent, group), name, place, show)


def _places(entry, above: str = "") -> dict[str, tuple]:
    """{name: (group above it, group, index of the part that is shown, how it is shown)}"""
    out: dict[str, tuple] = {}
    if not isinstance(entry, hdf5().Group):
        return {}
    first = text(entry.attrs.get("default", ""))
    names = [name for name, _ in zip(entry, range(MOST)) if above or name not in OF_EVERY_RESULT]
    for name in sorted(names, key=lambda name: name != first):
        group = own(entry, name)
        if isinstance(group, hdf5().Group) and _word(group, "NX_class") == "NXdata":
            out |= {key: (above, name, *how) for key, how in _parts(name, group).items()}
    return out


def _parts(name: str, group) -> dict[str, tuple]:
    """{name of a signal: (index, how it is shown)} of a group"""
    data, show = _field(group), _word(group, "show")
    if data is None or show == BY_NAME:
        return {}
    if show in SHOWS:
        return {name: ((), show)}
    axes = [axis for axis, _ in _axes(group, data.ndim)]
    if data.dtype.kind == "c" or data.ndim == 0:
        return {}
    if data.ndim == 1:
        return {name: ((), "curve")}
    out, sizes = {}, dict(zip(axes, data.shape))
    for mark, pair in planes(tuple(axes)):
        if not mark or min(sizes[axis] for axis in pair) > 1:  # of one slice the others are lines
            out |= _planes(f"{name}{mark}", group, axes, pair)
    return out


def _planes(name: str, group, axes: list[str], pair: tuple[str, str]) -> dict[str, tuple]:
    """Planes of an array along `pair`: one for each name of an axis of names, of further such axes that of
    the first name, else the middle one"""
    shape, show = _field(group).shape, "map" if tuple(axes) == MAP else "image"
    place = [slice(None) if axis in pair else n // 2 for axis, n in zip(axes, shape)]
    named = [k for k, axis in enumerate(axes) if axis not in pair and _is_text(group, axis)]
    if not named or not all(shape[k] for k in named):
        return {name: (tuple(place), show)}
    (k, *others), out = named, {}
    rest = "".join(f" {shown(text(group[axes[other]][0]), WORD)}" for other in others)
    place = [0 if axis in others else p for axis, p in enumerate(place)]
    for n, word in enumerate(group[axes[k]][: min(shape[k], NAMES)]):
        place[k] = n
        out[f"{name} {shown(text(word), WORD)}{rest}"] = (tuple(place), "map")
    return out


def _signal(group, name: str, place: tuple, show: str) -> Signal:
    data = None if group is None else _field(group)
    if data is None:
        raise DataError(f"{shown(name, WORD)} is no longer in the file; read it again")
    cut = [n for n, p in zip(data.shape, place or [slice(None)] * data.ndim) if isinstance(p, slice)]
    if count(cut) > LARGEST:
        raise DataError(f"{data.file.filename}: {data.name} has {count(cut)} values, more than {LARGEST}")
    values = data[place]
    left = [isinstance(p, slice) for p in place] or [True] * data.ndim
    axes = [axis for axis, stays in zip(_axes(group, data.ndim), left) if stays]
    title = _titled(group, data, name, place)
    if show in ("angle", "image", "map") and values.ndim != 2:
        raise DataError(f"{data.file.filename}: {data.name} is no image: it has {values.ndim} axes")
    errors = _dataset(group, f"{_word(group, 'signal')}_errors")
    errors = errors[place] if errors is not None and errors.shape == data.shape else None
    marks = marks_of(group.attrs)
    marks.values = _values(group, values.shape)
    return Signal(values, _coordinates(group, axes, values.shape), _word(data, "units"), title, show,
                  _weight(group, values.shape), 100.0, errors=errors, marks=marks)  # fmt: skip


def _field(group):
    """The dataset that a group of NXdata names as its signal; None where there is none with numbers in this
    file"""
    data = _dataset(group, _word(group, "signal"))
    return data if data is not None and data.dtype.kind in "biufc" else None


def _axes(group, ndim: int) -> list[tuple[str, int]]:
    """(name, dimension) of each dimension; "" where it has no name"""
    names = [text(name) for name in np.ravel(group.attrs.get("axes", []))[:ndim]]
    names = names + [""] * (ndim - len(names))
    for key in list(group)[:MOST]:  # an axis of names is "." in @axes
        k = group.attrs.get(f"{key}_indices")
        if k is not None and np.size(k) == 1 and 0 <= int(np.ravel(k)[0]) < ndim:
            k = int(np.ravel(k)[0])
            names[k] = key if names[k] in ("", ".") else names[k]
    return [("" if name == "." else name, k) for k, name in enumerate(names)]


def _coordinates(group, axes: list[tuple[str, int]], shape) -> dict[str, tuple[np.ndarray, str]]:
    """{name: (values, unit)} of the dimensions, in their order; without those in front that have none"""
    out = {}
    for (name, _), n in zip(axes, shape):
        data = _dataset(group, name)
        if data is not None and data.shape == (n,) and n <= LARGEST and data.dtype.kind in "biuf":
            out[name] = (data[()], _word(data, "units"))
        else:
            out = {}  # a later dimension alone may go on without a name before it
    return out


def _titled(group, data, name: str, place: tuple) -> str:
    """The title, with the names that the plane has, and where it lies along axes without names"""
    title, words = _word(group, "title"), name.removeprefix(group.name.rpartition("/")[2]).partition(" ")[1:]
    title = f"{title}{''.join(words)}" if title else name
    axes = [(axis, p) for (axis, _), p in zip(_axes(group, data.ndim), place) if not isinstance(p, slice)]
    return title + "".join(f", {axis} {p}" for axis, p in axes if axis and not _is_text(group, axis))


def _values(group, shape) -> np.ndarray | None:
    """Of points"""
    data = _dataset(group, "marks_values")
    good = data is not None and data.shape == shape[:1] and count(data.shape) <= LARGEST
    return data[()] if good and data.dtype.kind in "biuf" else None


def _weight(group, shape) -> np.ndarray | None:
    data = _dataset(group, "weight")
    return data[()] if data is not None and data.shape == shape[-2:] and data.dtype.kind in "uf" else None


def _is_text(group, axis: str) -> bool:
    data = _dataset(group, axis)
    return data is not None and data.ndim == 1 and data.dtype.kind in "OS"


def _dataset(group, name: str):
    """A dataset whose values stand in the same file, in chunks that fit into memory; else None"""
    data = own(group, name)
    good = isinstance(data, hdf5().Dataset) and data.shape is not None
    good = good and not data.is_virtual and not data.external
    return data if good and count(data.chunks or ()) <= LARGEST else None


def own(group, name: str):
    """A member of a group that stands there itself; None where nothing does, or a link to elsewhere."""
    if group is None or not name or "/" in name or name not in group:
        return None
    return group[name] if isinstance(group.get(name, getlink=True), hdf5().HardLink) else None


def _word(thing, name: str) -> str:
    """An attribute as text; the space in `Fe K` that breaks no line is a space"""
    return shown(text(thing.attrs.get(name, "")).replace("\u00a0", " "), WORD)
