"""The frames of another source in another order, or their rows or columns: a scan that was not measured in
the order in which it is worked on."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nanompi.data.source import SelectedFrames, Source, check_index
from nanompi.io.fingerprint import of_array
from nanompi.io.unwritten import Holes


@dataclass
class ReorderedFrames(SelectedFrames):
    """Frames of another source by numbers in any order; HDF5 reads them in that of the file."""

    def take(self, index) -> list[Any] | None:
        """None: chunks as stored hold frames in the order of the file."""
        return None

    def cropped(self, rows: slice, columns: slice) -> Source:
        """The same with part of each frame."""
        return ReorderedFrames(self.source.cropped(rows, columns), self.numbers)


@dataclass
class ReorderedPixels(Source):
    """Frames of another source, their rows (axis 1) or columns (axis 2) in another order."""

    source: Source
    axis: int
    numbers: np.ndarray

    def __post_init__(self):
        self.shape, self.dtype = tuple(self.source.shape), self.source.dtype
        self.chunk, self.whole, self.where = self.source.chunk, self.source.whole, self.source.where
        self.costs = self.source.costs

    def origin(self) -> list | None:
        """The order, and what the other source is made of."""
        inner = self.source.origin()
        return inner and ["reordered", self.axis, of_array(self.numbers), inner]

    def holes(self) -> Holes:
        """Which frames and pixels were never written."""
        holes = self.source.holes()
        pixels = None if holes.pixels is None else np.take(holes.pixels, self.numbers, self.axis - 1)
        return Holes(holes.frames, pixels)

    def reachable(self) -> bool:
        """Can this process open the file?"""
        return self.source.reachable()

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Frames `index`."""
        index = check_index(index, self.shape[0], self.where)
        return np.ascontiguousarray(np.take(self.source.read(index, threads), self.numbers, self.axis))

    def close(self) -> None:
        """Let the source go of what it holds."""
        self.source.close()


def reordered(source: Source, axis: int, numbers: np.ndarray) -> Source:
    """The same with axis 0, 1 or 2 in the order of `numbers`."""
    return ReorderedPixels(source, axis, numbers) if axis else ReorderedFrames(source, numbers)
