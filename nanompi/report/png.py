"""PNG files from arrays, with zlib alone."""

import struct
import zlib
from pathlib import Path

import numpy as np

from nanompi.io.atomic import new_file

LEVEL = 3  # of zlib: phases and amplitudes become as small as with 6, in a third of the time


def write_png(path: Path, image: np.ndarray):
    """Write an image as 8-bit PNG.

    image : (h, w) uint8 gray, or (h, w, 3) uint8 RGB
    Errors: ValueError for another shape or type; ResourceError when the disk is full.
    """
    with new_file(path) as file:
        file.write(png(image))


def png(image: np.ndarray) -> bytes:
    """The bytes of a PNG file (ISO/IEC 15948): IHDR, one IDAT, IEND; rows are stored less the row above."""
    image = np.ascontiguousarray(image)
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise ValueError(f"a PNG needs (h, w) or (h, w, 3) uint8, not {image.shape} {image.dtype}")
    h, w = image.shape[:2]
    rows = image.reshape(h, -1)
    up = np.full((h, rows.shape[1] + 1), 2, np.uint8)  # filter 2: up
    up[0, 1:], up[1:, 1:] = rows[0], rows[1:] - rows[:-1]
    head = struct.pack(">IIBBBBB", w, h, 8, 0 if image.ndim == 2 else 2, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", zlib.compress(up, LEVEL)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
