"""Two slices of the same row, each of every other direction: how far they agree is what they resolve.

The noise of the halves is independent, the sample is the same: the Fourier ring correlation of the two
(`optics.frc`) falls to the half-bit threshold where a slice of all directions holds half a bit per pixel.
"""

from dataclasses import replace

import numpy as np

from nanompi.methods.tomo.angles import weights
from nanompi.optics.frc import Curve, crossing, curve_of, ring_sums

LEAST = 16  # px of a square, and directions of a half


class Halves:
    """Compares halves of some rows.

    make : make(rays) -> the method of reconstruction
    rows : numbers of the rows that are compared, evenly over the height
    """

    def __init__(self, make, rays, height: int, most: int):
        side = int(rays.size / np.sqrt(2)) // 2 * 2  # of the largest square in the circle
        first = (rays.size - side) // 2
        self.box, self.rings = (slice(first, first + side),) * 2, side // 2
        enough = side >= LEAST and len(rays.angles) >= 2 * LEAST
        rows = np.unique(np.linspace(0, height - 1, min(most, height)).round())
        self.rows = rows if enough else rows[:0]
        # by the whole turn: where rays are measured from both sides, each half has both
        order = np.argsort(np.mod(rays.angles, 2 * np.pi), kind="stable") if len(self.rows) else ()
        self.picks = [np.sort(order[k::2]) for k in range(2)] if len(self.rows) else []
        parts = [replace(rays, angles=rays.angles[p], share=weights(rays.angles[p])) for p in self.picks]
        self.methods = [make(part) for part in parts]

    def sums(self, sinograms, axes, rows, host) -> np.ndarray:
        """(k, 4, rings) float64 of (k, A, K) sinograms: what `curve_of` adds up; 0 for rows that are not
        compared. host : host(array of the device) -> numpy"""
        out = np.zeros((len(rows), 4, self.rings))
        some = np.flatnonzero(np.isin(rows, self.rows))
        if len(some):
            array = self.methods[0].device.array
            block = sinograms[array(some)]
            pair = zip(*(
                host(method.slices(block[:, array(pick)], axes[some]))
                for method, pick in zip(self.methods, self.picks)
            ))  # fmt: skip
            for i, (a, b) in zip(some, pair):
                out[i] = ring_sums(a[self.box], b[self.box])
        return out

    def curve(self, sums: np.ndarray) -> Curve | None:
        """The Fourier ring correlation of all rows together; None where none was compared."""
        return curve_of(sums, 2 * self.rings) if len(self.rows) else None


def resolution(curve: Curve) -> float:
    """Half a period in px where the correlation falls below half a bit: 1 where it never does."""
    return 0.5 / (crossing(curve, curve.half_bit) or 0.5)
