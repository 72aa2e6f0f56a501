"""Pages of TIFF files as cameras write them: gray, one strip after the other, plain or deflated; BigTIFF too.

What is compressed otherwise or tiled is read by Pillow, where it is installed (TIFF revision 6.0).
"""

import os
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from nanompi.errors import DataError

WIDTH, HEIGHT, BITS, COMPRESSION, OFFSETS, SAMPLES, COUNTS = 256, 257, 258, 259, 273, 277, 279
PREDICTOR, FORMAT = 317, 339
SIZES = {1: "B", 2: "B", 3: "H", 4: "I", 16: "Q"}  # types of numbers that matter here
KINDS = {1: "u", 2: "i", 3: "f"}  # of samples
PLAIN, DEFLATED = (1,), (8, 32946)


@dataclass(frozen=True)
class Page:
    """One image of a file. offsets, counts : of its strips; compression, predictor : as in the file"""

    file: str
    number: int
    shape: tuple[int, int]
    dtype: np.dtype
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    compression: int = 1
    predictor: int = 1

    def read(self) -> np.ndarray:
        """(rows, columns) in the byte order of this machine. Errors: DataError."""
        plain = self.compression in PLAIN and self.predictor == 1
        deflated = self.compression in DEFLATED and (self.predictor == 1 or self.dtype.kind in "ui")
        if not self.offsets or not (plain or deflated):
            return self._by_pillow()
        with open(self.file, "rb") as file:
            strips = [os.pread(file.fileno(), n, at) for at, n in zip(self.offsets, self.counts)]
        try:
            raw = b"".join(strips if plain else map(zlib.decompress, strips))
            image = np.frombuffer(raw, self.dtype, self.shape[0] * self.shape[1]).reshape(self.shape)
        except (ValueError, zlib.error) as error:
            raise DataError(f"{self.file}: page {self.number} is damaged or cut off ({error})") from error
        image = image.astype(self.dtype.newbyteorder("="))
        return np.cumsum(image, axis=1, dtype=image.dtype) if self.predictor == 2 else image

    def _by_pillow(self) -> np.ndarray:
        try:
            from PIL import Image
        except ImportError as error:
            raise DataError(
                f"{self.file}: its compression ({self.compression}) or tiles need Pillow; pip install pillow"
            ) from error
        try:
            with Image.open(self.file) as image:
                image.seek(self.number)
                return np.asarray(image).astype(self.dtype.newbyteorder("="))
        except (OSError, EOFError, ValueError) as error:
            raise DataError(f"{self.file}: page {self.number} cannot be read ({error})") from error


def pages(file: str) -> list[Page]:
    """All pages of a file; nothing but their headers is read. Errors: DataError."""
    with open(file, "rb") as opened:
        try:
            return _pages(opened, file)
        except (struct.error, KeyError, IndexError) as error:
            raise DataError(f"{file} is no TIFF file, or is cut off ({error})") from error


def is_tiff(file: str) -> bool:
    """By its first bytes."""
    with open(file, "rb") as opened:
        return opened.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _pages(opened, file: str) -> list[Page]:
    order = {b"II": "<", b"MM": ">"}[opened.read(2)]
    big = _numbers(opened, order + "H")[0] == 43
    opened.seek(8 if big else 4)
    at, out, seen = _numbers(opened, order + "IQ"[big])[0], [], set()
    while at and at not in seen:
        seen.add(at)
        opened.seek(at)
        count = _numbers(opened, order + "HQ"[big])[0]
        entries = opened.read(count * (20 if big else 12))
        at = _numbers(opened, order + "IQ"[big])[0]
        out.append(_page(_tags(opened, entries, order, big), file, len(out), order))
    return out


def _tags(opened, entries: bytes, order: str, big: bool) -> dict[int, tuple]:
    """{tag: its numbers} of those whose type matters"""
    tags, form = {}, order + ("HHQ8s" if big else "HHI4s")
    for tag, kind, count, value in struct.iter_unpack(form, entries):
        if kind not in SIZES:
            continue
        length = count * struct.calcsize(SIZES[kind])
        if length > len(value):
            opened.seek(struct.unpack(order + "IQ"[big], value)[0])
            value = opened.read(length)
        tags[tag] = struct.unpack(f"{order}{count}{SIZES[kind]}", value[:length])
    return tags


def _page(tags: dict[int, tuple], file: str, number: int, order: str) -> Page:
    if tags.get(SAMPLES, (1,))[0] != 1:
        raise DataError(
            f"{file}: page {number} has {tags[SAMPLES][0]} values a pixel; gray images are needed"
        )
    bits, kind = tags.get(BITS, (1,))[0], KINDS.get(tags.get(FORMAT, (1,))[0])
    if kind is None or bits not in ((32, 64) if kind == "f" else (8, 16, 32, 64)):
        raise DataError(f"{file}: page {number} has {bits} bits a pixel of an unknown kind")
    return Page(
        file,
        number,
        (tags[HEIGHT][0], tags[WIDTH][0]),
        np.dtype(f"{order}{kind}{bits // 8}"),
        tags.get(OFFSETS, ()),
        tags.get(COUNTS, ()),
        tags.get(COMPRESSION, (1,))[0],
        tags.get(PREDICTOR, (1,))[0],
    )


def _numbers(opened, form: str) -> tuple:
    return struct.unpack(form, opened.read(struct.calcsize(form)))
