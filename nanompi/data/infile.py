"""Arrays inside a file, where any rank reads and writes its rows in place; rows of a result on their way."""

import math
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanompi.data.scaling import Scaling
from nanompi.data.source import Source, check_index
from nanompi.errors import ResourceError
from nanompi.io.atomic import complaint


@dataclass
class ArrayInFile(Source):
    """A contiguous array inside a file.

    start   : byte of the file at which it begins
    kind    : dtype as stored
    scaling : how it is stored as integers; None = as it is
    """

    path: Path
    start: int
    shape: tuple[int, ...]
    kind: np.dtype
    scaling: Scaling | None = None

    @property
    def dtype(self) -> np.dtype:
        """Of the values that `read` gives."""
        return np.dtype(np.float32 if self.scaling else self.kind)

    @property
    def where(self) -> str:
        """The file, for messages."""
        return str(self.path)

    @property
    def nbytes(self) -> int:
        """In the file."""
        return math.prod(self.shape) * self.kind.itemsize

    def reachable(self) -> bool:
        """Can this rank open the file?"""
        return os.access(self.path, os.R_OK)

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Rows of the first axis: (len(index), *shape[1:])."""
        index = check_index(index, self.shape[0], self.where)
        out = np.empty((len(index), *self.shape[1:]), self.kind)
        with open(self.path, "rb", buffering=0) as file:
            for first, last in _runs(index):
                file.seek(self.start + int(index[first]) * out[0].nbytes)
                _filled(file, out[first:last])
        return self.scaling.values(out) if self.scaling else out

    def part(self, place: tuple) -> np.ndarray:
        """Any part, as NumPy cuts it; what lies between is not read."""
        stored = np.array(np.memmap(self.path, self.kind, "r", self.start, self.shape)[place])
        return self.scaling.values(stored) if self.scaling else stored

    def write(self, numbers: np.ndarray, values: np.ndarray, axis: int = 0) -> None:
        """Entries of one axis. values : (len(numbers), ...), that axis in front. Errors: ResourceError."""
        values = self.scaling.stored(values) if self.scaling else values.astype(self.kind, copy=False)
        file = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            for first, last in _runs(numbers):
                self._entries(file, int(numbers[first]), values[first:last], axis)
        except OSError as error:
            raise complaint(self.path, self.nbytes, error) from error
        finally:
            os.close(file)

    def _entries(self, file: int, number: int, values: np.ndarray, axis: int) -> None:
        """Entries that follow one another, for each place along the axes before theirs."""
        entry = math.prod(self.shape[axis + 1 :]) * self.kind.itemsize
        for k, lead in enumerate(np.ndindex(self.shape[:axis])):
            piece = np.ascontiguousarray(values[(slice(None), *lead)])
            place = self.start + (k * self.shape[axis] + number) * entry
            rest = memoryview(piece.reshape(-1).view(np.uint8))
            while rest.nbytes:
                done = os.pwrite(file, rest, place)
                rest, place = rest[done:], place + done


class RowsInFile:
    """The rows of this rank of a result of all ranks, written while they are done: as `FrameBuffer`, but in
    the file.

    numbers : of the rows of this rank along the axis. One block is on its way while the next is computed.
    newest  : number of the last row that is surely in the file; -1 where there is none
    """

    def __init__(self, array: ArrayInFile, axis: int, numbers: np.ndarray, clock):
        self.array, self.axis, self.numbers, self.clock = array, axis, numbers, clock
        self.thread = ThreadPoolExecutor(1, "writer")
        self.last: Future | None = None
        self.newest = self.coming = -1

    def put(self, where: np.ndarray, block: np.ndarray) -> None:
        """Write a block (k, *row) at the rows `where` of this rank. Errors: ResourceError of the last one."""
        self.flush()
        self.newest, self.coming = self.coming, int(self.numbers[where[-1]])
        own = np.array(block)  # the step may use its array again
        self.last = self.thread.submit(self.array.write, self.numbers[where], own, self.axis)

    def flush(self) -> None:
        """Wait until all that was put is written. Errors: ResourceError."""
        last, self.last = self.last, None
        if last:
            with self.clock.phase("write"):
                last.result()

    def close(self) -> None:
        """Nothing more is put. Errors: ResourceError."""
        self.flush()
        self.thread.shutdown()


def _runs(numbers: np.ndarray):
    """(first, last + 1) of those that follow one another"""
    ends = [*(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
    return [(a, b) for a, b in zip([0, *ends], ends) if b > a]


def _filled(file, rows: np.ndarray) -> None:
    """Read bytes until an array is full. Errors: ResourceError where the file ends."""
    rest = memoryview(rows.reshape(-1).view(np.uint8))
    while rest.nbytes:
        n = file.readinto(rest)
        if not n:
            raise ResourceError(f"{file.name}: the file ends before the rows that are asked for")
        rest = rest[n:]
