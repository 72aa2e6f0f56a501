"""Values as integers of 16 bits: value = stored * scale + offset, from a range that all ranks find alike."""

from dataclasses import dataclass

import numpy as np

RANGE = 0.002, 0.998  # of the values: what lies outside is stored as the ends
SAMPLE = 16  # rows from which the range is found
LARGEST = 65535


@dataclass
class Scaling:
    """How values are stored as uint16."""

    scale: float
    offset: float

    def stored(self, values: np.ndarray) -> np.ndarray:
        """Values as uint16; NaN becomes 0."""
        with np.errstate(invalid="ignore"):
            near = np.rint((values - self.offset) / self.scale)
        return np.nan_to_num(near, nan=0.0).clip(0, LARGEST).astype(np.uint16)

    def values(self, stored: np.ndarray) -> np.ndarray:
        """uint16 as float32."""
        return (stored * self.scale + self.offset).astype(np.float32)


def sampled(n: int) -> np.ndarray:
    """Rows of n from which the range is found, evenly over all: done first, on whichever ranks hold them."""
    return np.unique(np.linspace(0, max(0, n - 1), min(n, SAMPLE)).round().astype(np.int64))


def scaling_of(team, values: np.ndarray) -> Scaling:
    """The scaling for what all ranks have together (collective); the same bits however it is spread.

    values : any shape, of this rank; what is not finite does not count.
    The values are counted in bins as wide as the upper 16 bits of a float32 (8 bits of the mantissa, 0.8 %
    of the value): whole numbers, whose sum over the ranks does not depend on their order.
    """
    counts = np.bincount(_bins(values), minlength=1 << 16).astype(np.float64)
    team.sum(counts)
    seen = np.cumsum(counts)
    if not seen[-1]:
        return Scaling(1.0, 0.0)
    low, high = (
        int(np.searchsorted(seen, part * seen[-1], side)) for part, side in zip(RANGE, ("right", "left"))
    )
    low, high = float(_edge(low)), float(_edge(high + 1))
    return Scaling((high - low) / LARGEST, low)


def _bins(values: np.ndarray) -> np.ndarray:
    """The upper 16 bits of each finite value, turned so that larger values have larger numbers."""
    flat = np.ravel(values).astype(np.float32)
    bits = flat[np.isfinite(flat)].view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)) >> 16


def _edge(number: int) -> np.float32:
    """The lower edge of a bin."""
    bits = np.uint32(number << 16)
    return (~bits if not number >> 15 else bits ^ np.uint32(1 << 31)).view(np.float32)
