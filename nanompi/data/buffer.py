"""Buffer for the prepared frames of a rank, filled by several threads."""

from threading import Condition

import numpy as np

from nanompi.data.respread import run_of


class FrameBuffer:
    """Allocated once, when the first block tells shape and dtype.

    A block that does not fit the dtype (counts above 65535: float32 among uint16) turns all into one that
    holds both: rare, and costs a copy. No thread writes then.

    done : (n,) bool, which rows have come
    """

    def __init__(self, n: int):
        self.n, self.counts, self.done = n, None, np.zeros(n, bool)
        self._gate, self._writers = Condition(), 0

    def put(self, where: np.ndarray, block: np.ndarray) -> None:
        """Store a block (k, *row) at the rows `where`, all different from those of other threads."""
        with self._gate:
            if self.counts is None:
                self.counts = np.zeros((self.n, *block.shape[1:]), block.dtype)
            if self._narrow(block):
                self._gate.wait_for(lambda: not self._writers)
            if self._narrow(block):
                self.counts = self.counts.astype(np.result_type(self.counts, block))
            self._writers += 1
        try:
            self.counts[run_of(where)] = block
            self.done[run_of(where)] = True
        finally:
            with self._gate:
                self._writers -= 1
                self._gate.notify_all()

    def _narrow(self, block):
        return self.counts.dtype != block.dtype and self.counts.dtype != np.result_type(self.counts, block)

    def all(self, team) -> np.ndarray | None:
        """The finished array, of one dtype on all ranks; None where no rank has a row (collective).

        A rank without rows learns from the others what they are like.
        """
        own = None if self.counts is None else (self.counts.shape[1:], self.counts.dtype)
        every = [one for one in team.allgather(own) if one is not None]
        if not every:
            return None
        dtype = np.result_type(*(dtype for _, dtype in every))
        if self.counts is None:
            return np.zeros((self.n, *every[0][0]), dtype)
        return self.counts.astype(dtype, copy=False)
