"""Where the frames of a scan are: what every source offers, and how part of one is a source again."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from nanompi.errors import DataError
from nanompi.io.fingerprint import of_array
from nanompi.io.unwritten import Holes


def of_counts(brightest: float, noise: bool = True) -> np.dtype:
    """How simulated counts are stored: uint16, uint32 where the brightest mean would not fit; float32 without
    noise."""
    return np.dtype(np.float32 if not noise else np.uint16 if 1.5 * brightest < 60_000 else np.uint32)


@runtime_checkable
class Source(Protocol):
    """Where the frames are; small enough to be pickled and sent to every rank. Frame i counts all of them.

    A source must have `shape`, `dtype` and `read`; the other members have defaults, which a class inherits
    from this one. A source of another class gets them by `complete`, once, where the input is opened.

    shape : (frames, rows, columns)
    dtype : as stored
    chunk : frames stored together; read multiples of it
    whole : whoever reads one frame must read all, and holds them until `close`
    where : file and dataset, for messages; "" where there is none
    lines : rows of a frame that are stored together: whoever reads one of them reads all; 0 = all of a frame
    costs : (frames,) what each costs to read and to work on, in any unit; None = all alike
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    chunk: int = 1
    whole: bool = False
    where: str = ""
    lines: int = 0
    costs: np.ndarray | None = None

    def read(self, index: np.ndarray, threads: int = 1) -> np.ndarray:
        """Frames `index` (sorted or not): (len(index), rows, columns), dtype as stored, C-contiguous.

        Threads decompress chunks where the file format allows it. Errors: DataError naming file, dataset,
        frame.
        """

    def reachable(self) -> bool:
        """Can this rank open the file?"""
        return True

    def take(self, index: np.ndarray) -> list[Any] | None:
        """The chunks that hold the frames of a rising `index`, as stored; None where there are none to give.

        Each has `frames()`, which works on any rank.
        """
        return None

    def origin(self) -> list | None:
        """What the frames are made of, for their fingerprint (`nanompi.io.fingerprint`).

        None: nobody can tell, and frames prepared from them are not kept for later runs.
        """
        return None

    def holes(self) -> Holes:
        """Which frames and pixels were never written."""
        return Holes.none(self.shape[0])

    def cropped(self, rows: slice, columns: slice) -> "Source":
        """The same with these rows and columns of each frame alone; reads less where the file allows.

        rows, columns : `start:stop` within the frame, without a step
        """
        return CroppedFrames(self, rows, columns)

    def close(self) -> None:
        """Let go of open files and of frames held; the next read opens them again."""


OPTIONAL = (
    "chunk",
    "whole",
    "where",
    "lines",
    "costs",
    "reachable",
    "take",
    "origin",
    "holes",
    "cropped",
    "close",
)


class CompletedSource(Source):
    """A source of somebody else's class, which may lack what has a default."""

    def __init__(self, source):
        for name in ("shape", "dtype", "read", *(n for n in OPTIONAL if hasattr(source, n))):
            setattr(self, name, getattr(source, name))


def complete(source) -> Source:
    """The source itself where it has all members of `Source`, else one that has the defaults, too."""
    return source if isinstance(source, Source) else CompletedSource(source)


def check_index(index, n: int, what: str) -> np.ndarray:
    """`index` as int64. Errors: DataError when a frame is outside 0..n-1."""
    index = np.atleast_1d(np.asarray(index, np.int64)).ravel()
    if index.size and (index.min() < 0 or index.max() >= n):
        bad = int(index[(index < 0) | (index >= n)][0])
        raise DataError(f"{what}: frame {bad} is asked for; it has the frames 0 to {n - 1}")
    return index


def ends(part: slice, n: int) -> tuple[int, int]:
    """Where a part without a step begins and ends, of 0 to n."""
    start, stop, _ = part.indices(n)
    return start, max(start, stop)


@dataclass
class CroppedFrames(Source):
    """Part of each frame of another source, which reads all of it."""

    source: Source
    rows: slice
    columns: slice

    def __post_init__(self):
        n, *frame = self.source.shape
        (top, bottom), (left, right) = map(ends, (self.rows, self.columns), frame)
        self.rows, self.columns = slice(top, bottom), slice(left, right)
        self.shape, self.dtype = (n, bottom - top, right - left), self.source.dtype
        self.chunk, self.whole, self.where = self.source.chunk, self.source.whole, self.source.where

    def origin(self) -> list | None:
        """The part, and what the other source is made of."""
        inner, part = self.source.origin(), (self.rows, self.columns)
        return inner and ["cropped", [[one.start, one.stop] for one in part], inner]

    def holes(self) -> Holes:
        """Which frames and pixels of the part were never written."""
        holes = self.source.holes()
        return Holes(holes.frames, None if holes.pixels is None else holes.pixels[self.rows, self.columns])

    def reachable(self) -> bool:
        """Can this process open the file?"""
        return self.source.reachable()

    def read(self, index, threads: int = 1) -> np.ndarray:
        """The part of frames `index`."""
        return np.ascontiguousarray(self.source.read(index, threads)[:, self.rows, self.columns])

    def close(self) -> None:
        """Let the source go of what it holds."""
        self.source.close()


@dataclass
class SelectedFrames(Source):
    """Some frames of another source, by their rising numbers: what `select` leaves of a scan."""

    source: Source
    numbers: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the frames left."""
        return (len(self.numbers), *self.source.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """As stored."""
        return self.source.dtype

    @property
    def chunk(self) -> int:
        """Frames stored together, on the mean."""
        n, span = len(self.numbers), int(np.ptp(self.numbers)) + 1 if len(self.numbers) else 1
        return max(1, self.source.chunk * n // span)

    @property
    def whole(self) -> bool:
        """Does one read load all frames?"""
        return self.source.whole

    @property
    def where(self) -> str:
        """File and dataset, for messages."""
        return self.source.where

    @property
    def costs(self) -> np.ndarray | None:
        """Of the frames left."""
        return None if self.source.costs is None else self.source.costs[self.numbers]

    def origin(self) -> list | None:
        """The numbers, and what the other source is made of."""
        inner = self.source.origin()
        return inner and ["selected", of_array(self.numbers), inner]

    def holes(self) -> Holes:
        """Which of the selected frames were never written."""
        return self.source.holes().some(self.numbers)

    def reachable(self) -> bool:
        """Can this process open the file?"""
        return self.source.reachable()

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Frames `index` of the selection."""
        return self.source.read(self._numbers(index), threads)

    def take(self, index) -> list[Any] | None:
        """The chunks that hold the frames of a rising `index`, as stored."""
        return self.source.take(self._numbers(index))

    @property
    def lines(self) -> int:
        """Rows of a frame that are stored together."""
        return self.source.lines

    def cropped(self, rows: slice, columns: slice) -> Source:
        """The same with part of each frame."""
        return SelectedFrames(self.source.cropped(rows, columns), self.numbers)

    def _numbers(self, index):
        return self.numbers[check_index(index, len(self.numbers), "selected frames")]

    def close(self) -> None:
        """Let the source go of what it holds."""
        self.source.close()
