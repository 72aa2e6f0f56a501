"""Data in memory in blocks of rows; and data that are made again, block by block, when they are needed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nanompi.data.buffer import FrameBuffer
from nanompi.data.data import Data
from nanompi.data.respread import taken


@dataclass
class Planned:
    """In place of a source: what steps will give."""

    shape: tuple[int, ...]
    dtype: np.dtype


@dataclass
class Remade(Planned):
    """In place of values for which there is no room: what steps made of other data, and will make again.

    data  : what the steps took, in memory; walks : theirs (`nanompi.data.blocks.Walk`), in their order
    """

    data: Data
    walks: list

    def rows(self, raw: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """What becomes of some rows of `data`, the axis of the ranks first: the same bits each time."""
        for one in self.walks:
            raw = one.slab(raw, numbers, again=True)[one.step.takes]
        return raw

    def made(self, run, data: Data) -> Data:
        """The data with their values after all (collective)."""
        rows = FrameBuffer(len(data.parts[run.team.rank]))
        for raw, _, where in slabs(run.team.rank, data):
            rows.put(where, raw)
        values = np.moveaxis(rows.all(run.team), 0, data.axes.index(data.spread))
        return data.holding(values, data.spread, data.parts)


def slabs(
    rank: int, data: Data, walks=(), step: int = 0, order=None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(rows, their numbers, their places) of what a rank holds, `step` or as many as steps take at a time.

    rows : (k, *others), the axis of the ranks first; walks : of the steps that will have them
    order : list of places that are wanted, one list after another; None = all
    """
    source = data.source if data.values is None else None
    base, walks = (source.data, [*source.walks, *walks]) if source else (data, walks)
    values, own = np.moveaxis(base.values, base.axes.index(base.spread), 0), base.parts[rank]
    step = step or walks[-1].rows(values)
    for wanted in [np.arange(len(own))] if order is None else order:
        for i in range(0, len(wanted), step):
            where = wanted[i : i + step]
            raw, numbers = taken(values, 0, where), own[where]
            yield source.rows(raw, numbers) if source else raw, numbers, where
