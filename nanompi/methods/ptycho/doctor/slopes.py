"""What the centres of frames tell of their orientation, without an image: the slopes of the phase.

The centre of a frame follows the slope of the sample's phase (`map.stxm`). Slopes of an image have no curl;
where frames are transposed, or mirrored once, they have one. Half a turn changes the sign of all of them,
which no curl sees. It is told only where one class is far ahead: slopes of a beam out of focus hold its
curvature, and noise has as much curl as anything. Of sixteen random scans (seeds 4000 to 4015 of
benchmarks/scenes.py, 64 x 64, 1e5 to 2e6 counts) the right class had the least curl in all, and was far ahead
in ten.
"""

import numpy as np

from nanompi.methods.maps.centres import of_centre
from nanompi.methods.maps.gradient import curl, grid_of, on_grid, turned
from nanompi.methods.ptycho.subset import Subset

AHEAD = 0.3  # of the next: a curl that is smaller tells
SMALLEST = 8  # rows and columns of the map of slopes


def of_no_image(some: Subset) -> dict[int, float]:
    """Part of the slopes that is of no image, by what the frames are turned by (0, 1, 4, 5: a class each); {}
    in the near field, and of too few frames."""
    positions = some.positions
    rows, columns = grid_of(positions)
    if some.geometry.focus is not None or min(len(rows), len(columns)) < SMALLEST:
        return {}
    beam = (0, 0) if some.frames.corner else tuple(n // 2 for n in some.counts.shape[1:])
    good, y, x = of_centre(some.frames.mask, beam)
    light = np.where(good, np.maximum(some.counts - some.frames.background, 0), 0)
    counts = np.maximum(light.sum((1, 2), dtype=np.float64), 1)
    slopes = np.stack([light.sum(2) @ y, light.sum(1) @ x], 1) / counts[:, None] * some.geometry.detector
    gy, gx = np.moveaxis(on_grid(slopes, positions, rows, columns), -1, 0)
    return {turn: curl(*way, rows[1] - rows[0]) for turn, way in turned(gy, gx).items()}


def told(parts: dict[int, float]) -> int | None:
    """The class that is far ahead of the others; None where none is."""
    first, second = sorted(parts, key=parts.get)[:2] if parts else (0, 0)
    return first if parts and parts[first] < AHEAD * parts[second] else None
