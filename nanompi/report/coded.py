"""Images for a page: 16 bits a value inside an RGB PNG, from which view.js has the values back.

Red is the high byte, green the low one, blue 255 where there is nothing; so the reader chooses colours and
limits without a server, and reads the value under the cursor to 1/65535 of the range.
"""

import base64
import io
import zlib
from typing import NamedTuple

import numpy as np

STEPS = 65535


class Coded(NamedTuple):
    """A PNG and what its lowest and its highest step mean."""

    png: bytes
    low: float
    high: float

    @property
    def url(self) -> str:
        """data:image/png;base64,..."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


def coded(values: np.ndarray, seen: np.ndarray | None = None) -> Coded:
    """The PNG of an image, over the range from its least to its largest value.

    values : (h, w) real; what is not finite counts as outside; seen : (h, w) bool, False = outside, too
    """
    from PIL import Image

    inside = np.isfinite(values) if seen is None else np.isfinite(values) & seen
    known = values[inside]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    high = high if high > low else low + (abs(low) or 1.0)
    steps = ((known.astype(np.float64) - low) * (STEPS / (high - low)) + 0.5).astype(np.uint16)
    rgb = np.zeros((*values.shape, 3), np.uint8)
    rgb[inside, 0], rgb[inside, 1] = steps >> 8, steps & 255
    rgb[..., 2] = np.where(inside, 0, 255)
    file = io.BytesIO()
    # of measured values hardly more than the high bytes shrinks, and these as well by the quickest way
    Image.fromarray(rgb).save(file, "PNG", compress_level=6, compress_type=zlib.Z_RLE)
    return Coded(file.getvalue(), low, high)
