"""What of data with axes can be looked at: planes whose values alone are read or sent."""

import numpy as np

from nanompi.data.data import Data, count
from nanompi.data.planes import MAP, named_planes, planes
from nanompi.data.respread import fitting
from nanompi.run.result import Signal
from nanompi.run.writers.nexus import ERRORS


def images_of(team, data: Data, name: str) -> dict[str, Signal]:
    """Images of data by name, on rank 0 (collective): of a stack the middle one, or one for each name along
    an axis of names; of a volume three planes. The names are those by which a result.h5 has them.

    {} where the data have no axes of an image, are errors of others, or the values are complex.
    """
    if data.dtype.kind not in "biuf" or not count(data.shape) or name.endswith(ERRORS):
        return {}
    images = {}
    for mark, pair in planes(data.axes):
        for words, place in named_planes(data, pair):
            images[f"{name}{mark}{words}"] = _plane(team, data, pair, name, (words, place))
    return images if team.root else {}


def _plane(team, data: Data, pair: tuple[str, str], name: str, chosen: tuple[str, dict]) -> Signal:
    """The plane at the middle of all other axes but those with names (collective).

    chosen : (words, {axis of names: number})
    """
    words, named = chosen
    middle = {axis: data.size(axis) // 2 for axis in data.axes if axis not in pair} | named
    image = _from_file(team, data, middle) if data.values is None else _from_ranks(team, data, middle)
    left = [axis for axis in data.axes if axis in pair]
    image = image if image is None or left == list(pair) else image.T
    called = {axis: own for axis, (own, _) in data.nexus.axes.items()} if data.nexus else {}
    axes = {called.get(a, a): data.coords[a] for a in pair if a in data.coords}
    at = "".join(f", {called.get(axis, axis)} {m}" for axis, m in middle.items() if axis not in named)
    title, show = f"{data.title or name}{words}{at}", "map" if data.axes == MAP or named else "image"
    return Signal(image, axes if len(axes) == 2 else {}, data.unit, title, show)


def _from_file(team, data: Data, middle: dict[str, int]) -> np.ndarray | None:
    place = tuple(middle.get(axis, slice(None)) for axis in data.axes)
    return data.source.part(place) if team.root else None


def _from_ranks(team, data: Data, middle: dict[str, int]) -> np.ndarray | None:
    """Of values in memory: whoever holds the plane, or all their parts of it."""
    if data.spread in middle:
        here = np.flatnonzero(data.parts[team.rank] == middle[data.spread])
        place = middle | {data.spread: int(here[0])} if len(here) else {}
        own = data.values[tuple(place.get(a, slice(None)) for a in data.axes)] if place else None
        return next((one for one in team.gather(own) or () if one is not None), None)
    left = tuple(axis for axis in data.axes if axis not in middle)
    values = data.values[tuple(middle.get(axis, slice(None)) for axis in data.axes)]
    return fitting(team, Data(axes=left, values=values, spread=data.spread, parts=data.parts), left).values
