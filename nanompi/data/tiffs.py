"""Images in TIFF files as a source; the files of a folder in the order of their numbers, texts of numbers."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanompi.data.source import Source, check_index
from nanompi.errors import DataError
from nanompi.io.tiff import pages

ENDINGS = (".tif", ".tiff")
NUMBERS = re.compile(r"(\d+)")


@dataclass
class TiffFrames(Source):
    """Images in TIFF files: those of one page one file each, else the pages of one file after the other.

    places : (file, page) of each image
    """

    places: list[tuple[str, int]]
    shape: tuple[int, int, int]
    dtype: np.dtype
    where: str = ""
    chunk: int = 1

    @classmethod
    def of(cls, files: list[str], where: str) -> "TiffFrames":
        """Of files in this order; where the first has one page, all have. Errors: DataError."""
        first = pages(files[0])
        if not first:
            raise DataError(f"{files[0]} has no page")
        per = [first, *([pages(file) for file in files[1:]] if len(first) > 1 else [])]
        places = (
            [(p.file, p.number) for one in per for p in one] if len(first) > 1 else [(f, 0) for f in files]
        )
        shape, dtype = first[0].shape, first[0].dtype.newbyteorder("=")
        return cls([(os.path.abspath(f), n) for f, n in places], (len(places), *shape), dtype, where)

    def origin(self) -> list:
        """All files."""
        return ["tiff", *({"file": file} for file in dict.fromkeys(f for f, _ in self.places))]

    def reachable(self) -> bool:
        """Can this process see the first file?"""
        return os.path.isfile(self.places[0][0])

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Images `index`: (len(index), rows, columns). Errors: DataError naming the file."""
        index = check_index(index, self.shape[0], self.where)
        out = np.empty((len(index), *self.shape[1:]), self.dtype)

        def one(k: int) -> None:
            out[k] = self._image(*self.places[index[k]])

        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(max(1, threads)) as pool:
            list(pool.map(one, range(len(index))))
        return out

    def _image(self, file: str, number: int) -> np.ndarray:
        try:
            page = pages(file)[number]
        except OSError as error:
            raise DataError(f"{file} cannot be read ({error.strerror})") from error
        if page.shape != self.shape[1:] or page.dtype.newbyteorder("=") != self.dtype:
            h, w = self.shape[1:]
            raise DataError(
                f"{file} has {page.shape[0]} x {page.shape[1]} pixels of {page.dtype}, but the first image "
                f"has {h} x {w} of {self.dtype}"
            )
        return page.read()


def tiffs_in(folder: Path) -> list[str]:
    """TIFF files of a folder and of the folders in it, in the order of their numbers."""
    every = [p for pattern in ("*", "*/*") for p in folder.glob(pattern) if p.suffix.lower() in ENDINGS]
    return sorted(map(str, every), key=natural)


def natural(name: str) -> list:
    """To sort by: numbers in names count as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in NUMBERS.split(name)]


def numbers_of(file: str) -> np.ndarray | None:
    """(n,) the numbers of a text with one in each line; None where it is something else."""
    try:
        return np.array([float(line) for line in Path(file).read_text().split("\n") if line.strip()])
    except (OSError, ValueError):
        return None
