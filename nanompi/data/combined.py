"""Several sources of frames joined into one, one after another."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nanompi.data.source import Source, check_index
from nanompi.errors import DataError
from nanompi.io.unwritten import Holes


@dataclass
class JoinedFrames(Source):
    """Several sources one after another, such as the chunks of a .ptyd or the files of one acquisition."""

    parts: list[Source]
    shape: tuple[int, int, int]
    dtype: np.dtype
    chunk: int = 1

    @classmethod
    def of(cls, parts: list[Source], where: str) -> "JoinedFrames":
        """Join; DataError when the frames differ in size."""
        sizes = sorted({p.shape[1:] for p in parts})
        if len(sizes) != 1:
            raise DataError(
                f"{where}: its parts have frames of {len(sizes)} sizes ({sizes[0]}, {sizes[1]} ...)"
            )
        n = sum(p.shape[0] for p in parts)
        return cls(parts, (n, *sizes[0]), np.result_type(*(p.dtype for p in parts)), parts[0].chunk)

    @property
    def where(self) -> str:
        """File and dataset of the first part, for messages."""
        return self.parts[0].where

    def origin(self) -> list | None:
        """What each part is made of; None where one cannot tell."""
        parts = [p.origin() for p in self.parts]
        return None if None in parts else ["joined", *parts]

    def reachable(self) -> bool:
        """Can this process open all parts?"""
        return all(p.reachable() for p in self.parts)

    def holes(self) -> Holes:
        """Which frames and pixels were never written."""
        return Holes.joined([p.holes() for p in self.parts])

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Frames `index` counted over all parts: (len(index), rows, columns)."""
        index = check_index(index, self.shape[0], "joined frames")
        out = np.empty((len(index), *self.shape[1:]), self.dtype)
        ends = np.cumsum([p.shape[0] for p in self.parts])
        part = np.searchsorted(ends, index, side="right")
        for k in np.unique(part):
            mine = np.flatnonzero(part == k)
            out[mine] = self.parts[k].read(index[mine] - (ends[k] - self.parts[k].shape[0]), threads)
        return out

    def take(self, index) -> list[Any] | None:
        """The chunks that hold the frames of a rising `index`, as stored; None where a part has none."""
        index = check_index(index, self.shape[0], "joined frames")
        ends = np.cumsum([p.shape[0] for p in self.parts])
        part, out = np.searchsorted(ends, index, side="right"), []
        for k in np.unique(part):
            here = self.parts[k].take(index[part == k] - (ends[k] - self.parts[k].shape[0]))
            if here is None:
                return None
            out += here
        return out
