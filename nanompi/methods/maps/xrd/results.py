"""Results of steps that work on those of others: taken into memory, and given to the run."""

import numpy as np

from nanompi.data.data import Data


def in_memory(team, data: Data) -> Data:
    """The same data with this rank's part in memory, where they lie in a file."""
    if data.values is not None:
        return data
    return data.holding(data.source.read(data.parts[team.rank]), data.spread, data.parts)


def giving(run, name: str, values: np.ndarray, like: Data, axes, unit: str, title: str) -> None:
    """run.data[name], a result with these axes, spread as another one is."""
    out = like.holding(values, like.spread, like.parts)
    out.axes, out.unit, out.title, out.nexus, out.beside = tuple(axes), unit, title, None, {}
    out.coords = {axis: known for axis, known in like.coords.items() if axis in axes}
    run.data[name] = out
    run.given[name] = None
