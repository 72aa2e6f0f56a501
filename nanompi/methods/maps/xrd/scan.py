"""Results of frames that were counted one by one, on the grid of the scan."""

import numpy as np

from nanompi.data.data import Data, even
from nanompi.data.respread import respread


def on_scan(team, data: Data, frames: Data) -> Data:
    """Results (point, ...) as (y, x, ...), where the frames have a grid beside them (collective).

    Each rank then has whole rows of the grid. Without a grid, or where the results lie in a file: as they
    are.
    """
    grid = frames.beside.get("grid")
    if data.axes[0] != "point" or grid is None or data.values is None:
        return data
    rows = even(grid[0], team.size)
    points = [
        np.concatenate([np.arange(y * grid[1], (y + 1) * grid[1]) for y in part] or [np.arange(0)])
        for part in rows
    ]
    data = respread(team, data, "point", [part.astype(np.int64) for part in points])
    values = data.values.reshape(-1, grid[1], *data.values.shape[1:])
    out = data.holding(values, "y", rows)
    out.axes = ("y", "x", *data.axes[1:])
    out.coords = {k: v for k, v in data.coords.items() if k != "point"} | frames.beside.get("grid_coords", {})
    return out
