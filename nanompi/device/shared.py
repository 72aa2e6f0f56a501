"""Sums over ranks in memory that all ranks of a node share.

Each rank writes its part into its own segment, then adds up one stretch of the segments of all ranks, in
their order; everybody reads the total. An Allreduce takes each part through buffers of its own, which took
1.4 to 6 times as long inside a node (benchmarks/results/collectives.md).
"""

import mmap
import os
import tempfile

import numpy as np

FOLDER = "/dev/shm"
PIECE = 1 << 18  # bytes added up at once: a piece of the total stays in the cache
MODULO = 1 << 16  # segments begin at a page of their own, whatever its size


class Common:
    """Segments of `nbytes` for the ranks of each node, and one for their total.

    team : Team; node, firsts : of `Team.by_node`
    own, total : (nbytes,) uint8. `own` is written before `sum`, `total` read after it, until the next one.
    Memory: nbytes for each rank, and nbytes for each node.
    Errors: OSError, on all ranks alike, where a node has no such memory to spare.
    """

    def __init__(self, team, node, firsts, nbytes: int):
        self.team, self.node, self.firsts, size = team, node, firsts, -(-nbytes // MODULO) * MODULO
        whole = self._opened((node.size + 1) * size)
        self.parts = [whole[r * size : r * size + nbytes] for r in range(node.size)]
        self.own, self.total = self.parts[node.rank], whole[node.size * size :][:nbytes]

    def _opened(self, nbytes) -> np.ndarray:
        """One file for each node, without a name as soon as all have it open"""
        file, error, path = None, "", ""
        if self.node.root:
            try:
                file, path = tempfile.mkstemp(prefix="nanompi-", dir=FOLDER)
                os.posix_fallocate(file, 0, nbytes)  # what is not there is said now, and not by a signal
            except OSError as e:
                error = f"{FOLDER}: {e.strerror}"
        path, error = self.node.bcast((path, error))
        try:
            if not error:
                file = os.open(path, os.O_RDWR) if file is None else file
                held = mmap.mmap(file, nbytes)
        except OSError as e:
            error = f"{FOLDER}: {e.strerror}"
        finally:
            if file is not None:
                os.close(file)
            self.node.barrier()
            if self.node.root and path:
                os.unlink(path)
        errors = [e for e in self.team.allgather(error) if e]
        if errors:
            raise OSError(errors[0])
        return np.frombuffer(held, np.uint8)

    def sum(self, dtype, nbytes: int):
        """The first nbytes of `total` become the sum over all ranks of those of `own`, numbers of `dtype`."""
        team, node = self.team, self.node
        with team.summing(nbytes):
            node.barrier()
            self._add(dtype, nbytes)
            node.barrier()
            if node.size < team.size:
                if self.firsts:
                    self.firsts.sum(self.total[:nbytes].view(dtype))
                node.barrier()

    def _add(self, dtype, nbytes):
        """This rank's stretch of the total"""
        first, *others, total = (a[:nbytes].view(dtype) for a in (*self.parts, self.total))
        n, step = self.node, PIECE // total.itemsize
        begin, end = (len(total) * r // n.size for r in (n.rank, n.rank + 1))
        for i in range(begin, end, step):
            here = slice(i, min(i + step, end))
            so_far = first[here]
            for part in others:
                so_far = np.add(so_far, part[here], out=total[here])
            if not others:
                total[here] = so_far
