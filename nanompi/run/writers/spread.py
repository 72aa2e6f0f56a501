"""Data with axes into a file: rank 0 writes into one dataset what it and the others hold, block after block.

No rank ever holds more than its own part and a block: the whole may exceed the memory of any of them.
"""

import numpy as np

from nanompi.data.data import PATTERNS, Data, count
from nanompi.data.respread import fitting, run_of, taken
from nanompi.run.result import Signal

BLOCK = 16 << 20  # bytes of a message, and of what is written at once
TAG = 73
FRAMES = PATTERNS["frame"]  # axes of what can be shown as an image


def send(team, data: Data) -> None:
    """Another rank than 0: give what it holds, in the blocks in which `write` takes it."""
    if data.spread:
        for rows in _blocks(data, team.rank):
            team.wait(team.isend(_some(data, rows), 0, TAG))


def write(team, data: Data, dataset) -> None:
    """Rank 0: everything into an open dataset of the shape of the data."""
    if not data.spread:
        dataset[...] = data.values
        return
    axis, size = data.axes.index(data.spread), list(data.shape)
    for rank, part in enumerate(data.parts):
        for rows in _blocks(data, rank):
            size[axis] = rows.stop - rows.start
            values = _some(data, rows) if rank == 0 else team.recv(rank, TAG).view(data.dtype).reshape(size)
            number = part[rows]
            order = np.argsort(number, kind="stable")  # HDF5 wants rising numbers
            values = values if isinstance(run_of(number), slice) else taken(values, axis, order)
            dataset[(slice(None),) * axis + (run_of(number[order]),)] = values


def _blocks(data: Data, rank: int):
    """Rows along the spread axis of a rank: the same on both sides."""
    row = count(data.shape) // max(1, data.size(data.spread)) * data.dtype.itemsize
    step, n = max(1, BLOCK // max(1, row)), len(data.parts[rank])
    return [slice(i, min(i + step, n)) for i in range(0, n, step)] if row else []


def _some(data: Data, rows: slice) -> np.ndarray:
    return np.ascontiguousarray(data.values[(slice(None),) * data.axes.index(data.spread) + (rows,)])


def image_of(team, data: Data, name: str) -> Signal | None:
    """What of the data can be looked at: an image, the middle one of a stack; on rank 0 (collective).

    None where it has no axes of an image, or the values are complex.
    """
    pair = next(
        (pair for pair in (data.axes[-2:], *FRAMES) if pair in FRAMES and set(pair) <= set(data.axes)), None
    )
    if pair is None or data.dtype.kind not in "biuf" or not count(data.shape):
        return None
    above = [axis for axis in data.axes if axis not in pair]
    values = data.values.transpose([data.axes.index(axis) for axis in (*above, *pair)])
    data = data.holding(values, data.spread, data.parts)
    data.axes = (*above, *pair)
    middle = [data.size(axis) // 2 for axis in above]
    if data.spread in above:
        k = above.index(data.spread)
        here = np.flatnonzero(data.parts[team.rank] == middle[k])
        own = data.values[(*middle[:k], int(here[0]), *middle[k + 1 :])] if len(here) else None
        image = next((one for one in team.gather(own) or () if one is not None), None)
    else:
        own = Data(axes=pair, values=data.values[tuple(middle)], spread=data.spread, parts=data.parts)
        image = fitting(team, own, pair).values  # the whole of it on rank 0
    if not team.root:
        return None
    axes = {a: data.coords[a] for a in data.axes[-2:] if a in data.coords}
    at = "".join(f", {axis} {m}" for axis, m in zip(above, middle))
    return Signal(image, axes if len(axes) == 2 else {}, data.unit, f"{data.title or name}{at}", "image")
