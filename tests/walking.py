"""What block steps need of a run, and small steps for tests of them."""

from types import SimpleNamespace

import numpy as np

from nanompi.data.data import Data, even
from nanompi.data.source import Source
from nanompi.device import Cpu
from nanompi.run.status import quiet
from nanompi.step import item, param, total
from nanompi.timing import Clock


def run_of(team, **data: Data) -> SimpleNamespace:
    """A run with these data; its log is `lines`."""
    lines = []
    own = {
        "options": SimpleNamespace(scratch="", live="auto"),
        "team": team,
        "device": Cpu(threads=1),
        "clock": Clock(),
        "lines": lines,
        "say": lines.append,
        "warn": lines.append,
        "note": quiet,
        "glimpse": quiet,
    }
    return SimpleNamespace(**own, data=data, given={}, made={}, store=None)


def spread(team, values: np.ndarray, axes: str, along: str, parts=None, **more) -> Data:
    """Data in memory, of which this rank holds its part along an axis."""
    axes = tuple(axes.split())
    k = axes.index(along)
    parts = even(values.shape[k], team.size) if parts is None else parts
    own = np.take(values, parts[team.rank], axis=k)
    return Data(axes=axes, values=own, spread=along, parts=parts, **more)


def whole(team, data: Data) -> np.ndarray:
    """All values, on every rank."""
    if not data.spread:
        return data.values
    out, k = np.zeros(data.shape, data.dtype), data.axes.index(data.spread)
    for part, values in team.allgather((data.parts[team.rank], data.values)):
        out[(slice(None),) * k + (part,)] = values
    return out


class Stored(Source):
    """Rows of an array as a source; counts how often each was read."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.read_rows = np.zeros(len(values), int)

    def read(self, index, threads=1):
        self.read_rows[index] += 1
        return self.values[index].copy()


def on_disk(team, values: np.ndarray, axes: str, **more) -> Data:
    """Data that are not loaded yet, as a reader gives them."""
    axes = tuple(axes.split())
    return Data(axes=axes, source=Stored(values), spread=axes[0], parts=even(len(values), team.size), **more)


class Doubled:
    """Twice the values, in float32."""

    by: float = param(2.0, help="factor")

    def block(self, block, info):
        return (block * self.by).astype(np.float32)


class Turned:
    """The transpose of each sinogram, weighed by the angles: another shape, coordinates of a whole axis."""

    def start(self, run, data):
        data.coords["y"] = np.arange(data.size("column")) * 2.0, "um"

    def block(self, block, info):
        return (block * info["angle"].astype(block.dtype)[:, None]).transpose(0, 2, 1)


class Figures:
    """Three results of each item and none in its place."""

    def block(self, block, info):
        flat = block.reshape(len(block), -1)
        own = np.stack([flat.max(1), flat[:, 0]], 1) + info.index[:, None]
        return {
            "pairs": own,
            "number": info.index.astype(np.int32),
            "mean": block,
            "seen": np.ones(len(block), int),
        }


FIGURES = {"pairs": item("line"), "number": item(), "mean": total("row", "column"), "seen": total()}
