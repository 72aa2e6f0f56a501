"""Stripes: equal runs along the longer axis of the scan. Simple, and right for long narrow scans."""

import numpy as np

from nanompi.methods.ptycho.partition import checked, sizes, walk
from nanompi.step import partition


@partition("stripes")
class Stripes:
    """Equal stripes across the longer axis of the scan.

    Unit: positions in m.

    Source: no paper; the positions are sorted along an axis and cut.

    Example::

        - {use: ptycho.prepare, split: stripes}
        - ptycho
    """

    def split(self, positions: np.ndarray, parts: int, weights=None) -> list[np.ndarray]:
        """Part k = frames of stripe k. positions : (n, 2) float64. Errors: DataError (few frames, NaN)."""
        p = checked(positions)
        cuts = np.cumsum(sizes(len(p), parts, weights))[:-1]
        along = int(np.ptp(p[:, 1]) > np.ptp(p[:, 0]))
        order = np.lexsort((p[:, 1 - along], p[:, along]))
        return [run[walk(p[run])] for run in np.split(order, cuts)]

    def moved(self, positions: np.ndarray, parts: list[np.ndarray], weights) -> list[np.ndarray]:
        """Stripes of other widths. As `split`."""
        return self.split(positions, len(parts), weights)
