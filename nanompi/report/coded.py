"""Images for a page: 16 bits a value inside a gray PNG, from which view.js has the values back.

Its upper half holds the high bytes, its lower half the low ones; 0 is where there is nothing, 1 the least
value, 65535 the largest. So the reader chooses colours and limits without a server, and reads the value under
the cursor to 1/65535 of the range.
"""

import base64
import zlib
from typing import NamedTuple

import numpy as np

from nanompi.report.png import GRAY, UP, chunk, head

STEPS = 65534  # from the least value to the largest


class Coded(NamedTuple):
    """A PNG and what its lowest and its highest step mean."""

    png: bytes
    low: float
    high: float

    @property
    def url(self) -> str:
        """data:image/png;base64,..."""
        return as_url(self.png)


def coded(values: np.ndarray, seen: np.ndarray | None = None) -> Coded:
    """The PNG of an image, over the range from its least to its largest value.

    values : (h, w) real; what is not finite counts as outside; seen : (h, w) bool, False = outside, too
    """
    inside = np.isfinite(values) if seen is None else np.isfinite(values) & seen
    known = values[inside]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    high = high if high > low else low + (abs(low) or 1.0)
    steps = np.where(inside, values, low).astype(np.float64)
    steps -= low
    steps *= STEPS / (high - low)
    steps += 1.5
    codes = steps.astype(np.uint16) * inside
    return Coded(gray_png(np.concatenate([codes >> 8, codes & 255]).astype(np.uint8)), low, high)


def gray_png(gray: np.ndarray) -> bytes:
    """A PNG of (h, w) uint8.

    Of measured values hardly more than the high bytes shrinks, and these as well by the quickest way: one
    filter for all rows and zlib's run lengths take a third of the time of a search for the best.
    """
    h, w = gray.shape
    rows = np.empty((h, 1 + w), np.uint8)
    rows[:, 0], rows[:, 1:] = UP, gray
    rows[1:, 1:] -= gray[:-1]
    packed = zlib.compressobj(6, strategy=zlib.Z_RLE)
    data = packed.compress(rows) + packed.flush()
    return head(h, w, GRAY) + chunk(b"IDAT", data) + chunk(b"IEND")


def as_url(png: bytes) -> str:
    """A PNG inside a page."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
