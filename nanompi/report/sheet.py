"""One sheet of pictures that stand in files, written row by row: no more than a row of them is in memory."""

import math
import struct
import zlib
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

import numpy as np

from nanompi.report.png import RGB, UP, chunk, head

SHEET = 8e6  # pixels of a sheet: more pictures stand there smaller


def write_sheet(file, drawn: list[Path], columns: int, line: Callable, top: int, dpi: int) -> None:
    """A PNG of the pictures of some files, `columns` in a row, without the `top` pixels over each.

    line : of a width in pixels gives (h, w, 3) uint8, what stands over all, or None; file : open for writing
    Every picture is reduced by one whole number where the sheet would have more than SHEET pixels.
    """
    rows = [drawn[k : k + columns] for k in range(0, len(drawn), columns)]
    widths, heights = zip(*map(_size_of, drawn))
    h, w = max(heights) - top, max(widths)
    each = math.ceil(math.sqrt(h * len(rows) * w * columns / SHEET))
    h, w = math.ceil(h / each), math.ceil(w / each)
    over = _wide(line(w * columns), w * columns)
    bands = (_row(row, each, top, h, w, columns) for row in rows)
    write_png(file, (h * len(rows) + len(over), w * columns), chain([over], bands), dpi)


def write_png(file, size: tuple[int, int], bands: Iterable[np.ndarray], dpi: int, packed: int = 3) -> None:
    """A PNG of `size` (height, width) from bands (h, width, 3) uint8, from top to bottom."""
    h, w = size
    file.write(head(h, w, RGB))
    file.write(chunk(b"pHYs", struct.pack(">IIB", *[round(dpi / 0.0254)] * 2, 1)))
    file.write(chunk(b"tEXt", b"Software\0nanompi"))
    pack, above = zlib.compressobj(packed), np.zeros((1, w, 3), np.uint8)
    for band in filter(len, bands):
        lines = np.empty((len(band), 1 + 3 * w), np.uint8)
        lines[:, 0] = UP
        lines[:, 1:] = (band - np.concatenate([above, band[:-1]])).reshape(len(band), -1)
        above = band[-1:].copy()
        file.write(chunk(b"IDAT", pack.compress(lines)))
    file.write(chunk(b"IDAT", pack.flush()) + chunk(b"IEND"))


def _wide(line: np.ndarray | None, width: int) -> np.ndarray:
    """A line as wide as the sheet; of no height where there is none"""
    out = np.full((0 if line is None else len(line), width, 3), 255, np.uint8)
    if line is not None:
        out[:, : line.shape[1]] = line[:, :width]
    return out


def _row(files: list[Path], each: int, top: int, h: int, w: int, columns: int) -> np.ndarray:
    """(h, w * columns, 3) uint8, some pictures side by side on white, in places of h x w"""
    from PIL import Image

    out = np.full((h, w * columns, 3), 255, np.uint8)
    for k, file in enumerate(files):
        with Image.open(file) as one:
            small = np.asarray(one.convert("RGB").crop((0, top, *one.size)).reduce(each))
        out[: len(small), k * w : k * w + small.shape[1]] = small
    return out


def _size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture in a file"""
    from PIL import Image

    with Image.open(path) as one:
        return one.size
