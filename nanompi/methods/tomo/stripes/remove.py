"""Removal of stripes by ranking (algorithms 3, 5 and 6 of Vo et al. 2018, doi:10.1364/OE.26.028396).

Sinograms t (k, A, K) are transmissions: an element of odd gain is a factor there. `rank_sort` gives the same
of their logarithms, as it does of anything that rises with them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nanompi.methods.tomo.stripes.detect import grown, outliers

OUTER = 0.05  # of the ranks at each end that the mean of a column leaves out
SHORT = 10  # angles over which a column that works changes little
EDGE = 2  # columns at each end that are never taken for dead
MOST_DEAD = 1 / 3  # of the columns; with more, nothing is known of what lies between them


@dataclass
class Ranked:
    """The columns of sinograms by rank. ranked, order : as of the kernels; device : where they are"""

    device: Any
    ranked: Any
    order: Any

    @classmethod
    def of(cls, device, t) -> "Ranked":
        """t : (k, A, K) real"""
        k, A, K = t.shape
        own = cls(device, device.xp.empty((k, K, A), t.dtype), device.xp.empty((k, K, A), np.int32))
        device.by_rows(device.kernels.rank_columns, t, own.ranked, own.order)
        return own

    def smoothed(self, size: int) -> "Ranked":
        """Each rank by the median of `size` columns."""
        out = self.device.xp.empty_like(self.ranked)
        self.device.by_rows(self.device.kernels.smooth_ranks, self.ranked, size, out)
        return Ranked(self.device, out, self.order)

    def back(self):
        """(k, A, K), each value at its angle."""
        k, K, A = self.ranked.shape
        out = self.device.xp.empty((k, A, K), self.ranked.dtype)
        self.device.by_rows(self.device.kernels.unrank_columns, self.ranked, self.order, out)
        return out

    def means(self) -> np.ndarray:
        """(k, K) float64 of the host: of the inner ranks of each column."""
        A = self.ranked.shape[2]
        inner = slice(int(OUTER * A), A - int(OUTER * A))
        return self.device.host(self.ranked[..., inner].mean(-1, dtype=np.float64))


def rank_sort(device, t, size: int):
    """Weak stripes (algorithm 3): the median of `size` columns in each rank."""
    return Ranked.of(device, t).smoothed(size).back()


def gains(device, p, size: int) -> np.ndarray:
    """(k, K) float64 of the host: how much columns of sinograms of logarithms lie above their neighbourhood.

    The mean of the inner ranks of a column, less that of the smoothed ones: what an odd gain adds to all
    angles. To take it off harms a slice less than to smooth the values: of grains in 256 columns, with 1e4
    photons and gains of 1 %, the error is 0.046 of the largest value, 0.050 by `rank_sort`, 0.054 as it was.
    """
    own = Ranked.of(device, p)
    return own.means() - own.smoothed(size).means()


def large_stripes(device, t, snr: float, size: int):
    """Strong stripes (algorithm 5): columns are divided by their factor, or smoothed where it stands out.

    The factor is the mean of the inner ranks of a column, of that of the smoothed ones.
    """
    own = Ranked.of(device, t)
    smooth = own.smoothed(size)
    factor, out = factors(own, smooth), device.xp.array(t)
    out /= device.array(factor, t.dtype)[:, None]
    strong = np.stack([grown(outliers(one, snr)) for one in factor])
    if strong.any():
        out = device.xp.where(device.array(strong)[:, None], smooth.back(), out)
    return out


def factors(own: Ranked, smooth: Ranked) -> np.ndarray:
    """(k, K) float64: the gain of each column of that of its neighbourhood."""
    before, after = own.means(), smooth.means()
    return np.divide(before, after, out=np.ones_like(before), where=after != 0)


def roughness(device, t) -> np.ndarray:
    """(k, K) float64 of the host: how much each column changes from angle to angle."""
    out = device.xp.empty(t.shape[::2], np.float64)
    device.by_rows(device.kernels.column_roughness, t, SHORT, out)
    return device.host(out)


def dead_columns(device, t, snr: float, size: int) -> np.ndarray:
    """(k, K) bool of the host: columns that change too little or too much along the angle (algorithm 6)."""
    from scipy.ndimage import median_filter

    out = []
    for one in roughness(device, t):
        usual = median_filter(one, size)
        usual[usual == 0] = abs(usual).mean() or 1
        mask = grown(outliers(one / usual, snr))
        mask[:EDGE] = mask[-EDGE:] = False
        out.append(mask if mask.sum() < int(MOST_DEAD * len(mask)) else np.zeros_like(mask))
    return np.stack(out)


def fill(device, t, dead: np.ndarray):
    """t with what lies between the good neighbours, on a straight line, in the place of dead columns."""
    out = device.xp.array(t)
    for j in np.flatnonzero(dead.any(1)):
        good, bad = np.flatnonzero(~dead[j]), np.flatnonzero(dead[j])
        right = np.searchsorted(good, bad)
        left, right = good[right - 1], good[right]
        share = device.array((bad - left) / (right - left), t.dtype)
        bad, left, right = map(device.array, (bad, left, right))
        own = out[j]
        own[:, bad] = own[:, left] * (1 - share) + own[:, right] * share
    return out
