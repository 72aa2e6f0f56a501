"""Data with axes into a file: rank 0 writes into one dataset what it and the others hold, block after block.

No rank ever holds more than its own part and a block: the whole may exceed the memory of any of them.
"""

import numpy as np

from nanompi.data.data import Data, count
from nanompi.data.respread import run_of, taken

BLOCK = 16 << 20  # bytes of a message, and of what is written at once
TAG = 73


def send(team, data: Data) -> None:
    """Another rank than 0: give what it holds, in the blocks in which `write` takes it."""
    if data.spread and data.values is not None:
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


def gather(run) -> None:
    """The data of the result whole in the memory of rank 0, in place of a file (collective)."""
    for name, data in run.result.data.items():
        if data.values is None or not data.spread:
            continue
        if run.team.root:
            whole = np.empty(data.shape, data.dtype)
            write(run.team, data, whole)
            run.result.data[name] = data.holding(whole, "", [])
        else:
            send(run.team, data)


def _blocks(data: Data, rank: int):
    """Rows along the spread axis of a rank: the same on both sides."""
    row = count(data.shape) // max(1, data.size(data.spread)) * data.dtype.itemsize
    step, n = max(1, BLOCK // max(1, row)), len(data.parts[rank])
    return [slice(i, min(i + step, n)) for i in range(0, n, step)] if row else []


def _some(data: Data, rows: slice) -> np.ndarray:
    return np.ascontiguousarray(data.values[(slice(None),) * data.axes.index(data.spread) + (rows,)])
