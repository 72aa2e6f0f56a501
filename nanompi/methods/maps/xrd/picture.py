"""A diffraction frame with the rings that are fitted, for people."""

import numpy as np

from nanompi.data.data import Data
from nanompi.methods.maps.xrd.geometry import Geometry
from nanompi.methods.maps.xrd.matrix import bands, pixels
from nanompi.run.result import Signal

LEFT = 0.5  # part of the columns over which rings are drawn


def radial_name(unit: str) -> str:
    """What a radial axis of this unit is called in a picture"""
    return "2theta" if unit in ("deg", "rad") else "q"


def with_rings(data: Data, geometry: Geometry, unit: str, places) -> Signal | None:
    """The first frame; rings at these radial values are drawn over its left half (rank 0).

    None where the frames cannot be read any more.
    """
    if data.source is None:
        return None
    frame = data.source.read(np.arange(1))
    frame = frame.reshape(-1, *frame.shape[-2:])[0]
    with np.errstate(invalid="ignore"):
        image = np.where(frame >= 0, frame, np.nan).astype(np.float32)
    top, shape = float(np.nanmax(image, initial=1.0)), frame.shape
    for rows in bands(shape):
        own = pixels(geometry, shape, rows, unit, None)
        on = (abs(own.r[:, None] - np.asarray(places)) <= own.dr[:, None]).any(1).reshape(-1, shape[1])
        on[:, int(shape[1] * LEFT) :] = False
        image[rows][on] = top
    axes = {name: (np.arange(n), "px") for name, n in zip(("row", "column"), shape)}
    return Signal(image, axes, "counts", "first frame, and on its left the rings that are fitted", "frame")
