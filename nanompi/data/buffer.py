"""The prepared frames of a rank, filled by several threads."""

from threading import Condition

import numpy as np


class FrameBuffer:
    """Allocated once, when the first block tells shape and dtype.

    Counts that do not fit uint16 turn all into float32 (rare, and costs a copy): no thread writes then.
    """

    def __init__(self, n: int):
        self.n, self.counts = n, None
        self._gate, self._writers = Condition(), 0

    def put(self, where: np.ndarray, block: np.ndarray) -> None:
        """Store a block (k, h, w) at the rows `where`, all different from those of other threads."""
        with self._gate:
            if self.counts is None:
                self.counts = np.zeros((self.n, *block.shape[1:]), block.dtype)
            if self._narrow(block):
                self._gate.wait_for(lambda: not self._writers)
            if self._narrow(block):
                self.counts = self.counts.astype(np.float32)
            self._writers += 1
        try:
            self.counts[_slice(where)] = block
        finally:
            with self._gate:
                self._writers -= 1
                self._gate.notify_all()

    def _narrow(self, block):
        return self.counts.dtype == np.uint16 and block.dtype != np.uint16

    def all(self, team, prepare, source) -> np.ndarray:
        """The finished array, of one dtype on all ranks (collective)."""
        if self.counts is None:
            none = np.empty((0, *source.shape[1:]), source.dtype)
            self.counts = prepare(none, np.empty(0, np.int64))
        real = team.max(int(self.counts.dtype != np.uint16))
        return self.counts.astype(np.float32, copy=False) if real else self.counts


def _slice(where):
    """Rows that follow one another as a slice, which is copied faster."""
    if len(where) and where[-1] - where[0] + 1 == len(where) and np.all(np.diff(where) == 1):
        return slice(int(where[0]), int(where[-1]) + 1)
    return where
