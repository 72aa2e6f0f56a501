"""Which planes of data with axes are looked at."""

from collections.abc import Iterator

import numpy as np

from nanompi.data.data import PATTERNS, Data
from nanompi.io.hdf5 import text

FRAMES = PATTERNS["frame"]  # axes of what can be shown as an image
MAP = ("y", "x")  # of a result that is one value at each point of a scan
SPACE = ("z", "y", "x")  # of which three planes are shown
NAMES = 32  # planes of an axis of names: the lines of elements


def planes(axes: tuple[str, ...]) -> list[tuple[str, tuple[str, str]]]:
    """(what is added to the name, axes) of the images of data with these axes."""
    if set(axes) == set(SPACE):
        return [("", ("y", "x")), ("-zx", ("z", "x")), ("-zy", ("z", "y"))]
    pair = next((p for p in (axes[-2:], *FRAMES) if p in FRAMES and set(p) <= set(axes)), None)
    return [("", pair)] if pair else []


def named_planes(data: Data, pair: tuple[str, str]) -> Iterator[tuple[str, dict[str, int]]]:
    """(what is added to the name, {axis of names: number}) of the planes along `pair`: one for each name, of
    further such axes that of the first name; ("", {}) where no axis has names."""
    words = {axis: np.asarray(data.coords[axis][0]) for axis in data.axes if axis in data.coords}
    named = {a: w for a, w in words.items() if a not in pair and w.ndim == 1 and w.dtype.kind not in "biuf"}
    if not named or not all(map(len, named.values())):
        yield "", {}
        return
    first, *others = named
    rest = "".join(f" {text(named[other][0])}" for other in others)
    for k, word in enumerate(named[first][:NAMES]):
        yield f" {text(word)}{rest}", {first: k} | dict.fromkeys(others, 0)
