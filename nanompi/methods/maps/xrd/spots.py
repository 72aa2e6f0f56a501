"""The step `xrd.spots`: reflections of single grains, which stand above their ring."""

from threading import Lock

import numpy as np

from nanompi.methods.maps.xrd.scan import on_scan
from nanompi.step import item, param, step

TABLE = ("frame", "row", "column", "counts", "pixels", "radial", "azimuth")
MOST = 1_000_000  # spots that are listed


@step("xrd.spots", each="frame", gives={"spots": item(title="spots of single grains in the frame")})
class Spots:
    r"""Spots: pixels side by side that stand above the median of their ring by `sigma` times its spread,
    or what counting makes.

    Gives how many each frame has, and a table spots_found with the frame, the centre of mass, the counts
    above the ring, pixels, the radial value and the azimuth in deg of each.

    .. math::

        y_p > \mathrm{median}(y_{\text{ring}}) + \sigma \, \max(\text{spread},\; \sqrt{\mathrm{median} + 1})

    Unit: numbers of spots; counts, px, the unit of the radial axis and deg in the table.

    Source: no paper.

    Example::

        - {use: xrd.spots, sigma: 8}
    """

    preceded_by = ("xrd.integrate",)
    gathers = "spots"  # how many a frame has is not known before: no declared result
    sigma: float = param(10.0, gt=0, help="how far above the median of the ring")
    pixels: int = param(2, ge=1, help="pixels of a spot, at least")

    def start(self, run, data):
        """What xrd.integrate knows of each pixel."""
        self.frames = run.made["xrd.integrate"]
        self.found, self.lock = [], Lock()

    def block(self, block, info):
        """(k, row, column) -> how many spots (k,)"""
        above, value = self.frames.above_rings(block.reshape(len(block), -1), info.kernels, self.sigma)
        shape, numbers = block.shape[1:], np.zeros(len(block), np.int32)
        for j, number in enumerate(info.index):
            spots = _spots(above[j].reshape(shape), value[j].reshape(shape), self.pixels)
            numbers[j] = len(spots)
            if not info.again and len(spots):
                with self.lock:
                    self.found.append(np.column_stack([np.full(len(spots), number), spots]))
        return {"spots": numbers}

    def finish(self, run):
        """The table, in the order of the frames, and the map of numbers (collective)."""
        run.data["spots"] = on_scan(run.team, run.data["spots"], run.data["data"])
        own = np.concatenate(self.found) if self.found else np.zeros((0, 5))
        parts = run.team.gather(own)
        if run.team.root:
            table = np.concatenate(parts)
            table = table[np.lexsort((table[:, 2], table[:, 1], table[:, 0]))][:MOST]
            shape = run.data["data"].shape[-2:]
            places = self.frames.places(table[:, 1], table[:, 2], shape)
            for name, values in zip(TABLE, (*table.T, *places)):
                run.result.arrays[f"spots_found/{name}"] = values
            run.say(f"{self.name}: {len(table)} spots")


def _spots(above: np.ndarray, value: np.ndarray, least: int) -> np.ndarray:
    """(n, 4) row, column, counts above the ring, pixels of what is side by side"""
    from scipy import ndimage

    label, n = ndimage.label(above, np.ones((3, 3)))
    if not n:
        return np.zeros((0, 4))
    every = np.arange(1, n + 1)
    many, sums = ndimage.sum_labels(above, label, every), ndimage.sum_labels(value, label, every)
    centre = np.array(ndimage.center_of_mass(value, label, every))
    return np.column_stack([centre, sums, many])[many >= least]
