"""Images as TIFF files that any program opens: one gray image a file, without compression.

TIFF 6.0 (Adobe, 1992), part 1: baseline, with the sample format of section 19 for floats. What ImageJ reads
of pixel sizes and of real values stands in its own lines of the description.
"""

import struct
from contextlib import nullcontext
from pathlib import Path

import numpy as np

SHORT, LONG, TEXT, RATIO = 3, 4, 2, 5  # types of a field
FIRST = 8  # byte of the first directory


def write_tiff(path, image: np.ndarray, pixel: float = 0.0, words: str = "") -> None:
    """An image (h, w) of uint8, uint16 or float32. Errors: OSError.

    path : of the file, or one that is open for bytes; pixel : its size in um, 0 = unknown; words : more
        lines of the description
    """
    image = np.ascontiguousarray(image, image.dtype.newbyteorder("<"))
    text = ("ImageJ=1.54f\n" + "unit=um\n" * bool(pixel) + words).encode() + b"\0"
    ratio = struct.pack("<II", *_per_um(pixel))
    fields, more = _fields(image, len(text), bool(pixel)), [text, *[ratio] * 2 * bool(pixel)]
    start = FIRST + 2 + 12 * len(fields) + 4
    places = np.cumsum([start, *map(len, more)]).tolist()
    values = {270: places[0], 282: places[1], 283: places[-2], 273: places[-1]}
    with open(path, "wb") if isinstance(path, str | Path) else nullcontext(path) as file:
        file.write(struct.pack("<2sHIH", b"II", 42, FIRST, len(fields)))
        for tag, (kind, count, value) in sorted(fields.items()):
            file.write(struct.pack("<HHII", tag, kind, count, values.get(tag, value)))
        file.write(struct.pack("<I", 0) + b"".join(more))
        file.write(image)


def _fields(image: np.ndarray, text: int, pixel: bool) -> dict[int, tuple[int, int, int]]:
    """{tag: (type, count, value)}; places in the file are filled in later"""
    height, width = image.shape
    fields = {
        256: (LONG, 1, width),
        257: (LONG, 1, height),
        258: (SHORT, 1, 8 * image.itemsize),
        259: (SHORT, 1, 1),  # not compressed
        262: (SHORT, 1, 1),  # 0 is black
        270: (TEXT, text, 0),
        273: (LONG, 1, 0),
        277: (SHORT, 1, 1),
        278: (LONG, 1, height),
        279: (LONG, 1, image.nbytes),
        339: (SHORT, 1, 3 if image.dtype.kind == "f" else 1),
    }
    return fields | ({282: (RATIO, 1, 0), 283: (RATIO, 1, 0), 296: (SHORT, 1, 1)} if pixel else {})


def _per_um(pixel: float) -> tuple[int, int]:
    """Pixels per um as a ratio of whole numbers below 2^32."""
    if not pixel:
        return 0, 1
    below = 10 ** int(np.clip(9 - np.ceil(np.log10(1 / pixel)), 0, 9))
    return round(below / pixel), below


def begin_stack(path: Path, shape: tuple[int, int, int], dtype) -> int:
    """A file of n images (h, w), one page each, whose values follow one another without a gap; the byte
    where they begin. They are written there afterwards (little-endian), by whoever has them.

    BigTIFF (TIFF 6.0 with numbers of 64 bits) where it is above 4 GB. Errors: OSError.
    """
    dtype = np.dtype(dtype)
    n, height, width = shape
    page = height * width * dtype.itemsize
    big = n * (page + 256) > 4_000_000_000
    number, form = (16, "<HHQQ") if big else (LONG, "<HHII")
    count, link, first = ("<Q", "<Q", 16) if big else ("<H", "<I", FIRST)
    fields = [(256, LONG, width), (257, LONG, height), (258, SHORT, 8 * dtype.itemsize), (259, SHORT, 1),
              (262, SHORT, 1), (273, number, 0), (277, SHORT, 1), (278, LONG, height), (279, number, page),
              (339, SHORT, {"u": 1, "i": 2, "f": 3}[dtype.kind])]  # fmt: skip
    size = struct.calcsize(count) + len(fields) * struct.calcsize(form) + struct.calcsize(link)
    start = -(-(first + n * size) // 16) * 16
    with open(path, "wb") as file:
        file.write(
            struct.pack("<2sHHHQ", b"II", 43, 8, 0, first) if big else struct.pack("<2sHI", b"II", 42, first)
        )
        for k in range(n):
            file.write(struct.pack(count, len(fields)))
            for tag, kind, value in fields:
                file.write(struct.pack(form, tag, kind, 1, start + k * page if tag == 273 else value))
            file.write(struct.pack(link, first + (k + 1) * size if k < n - 1 else 0))
        file.truncate(start + n * page)
    return start
