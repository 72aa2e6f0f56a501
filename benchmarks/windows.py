"""Sums inside a node through memory that all its ranks see (for benchmarks/collectives.py)."""

from itertools import pairwise

import numpy as np

BLOCK = 1 << 16  # numbers added up at once: they stay in the cache


class Window:
    """Memory of each rank that all ranks of the node see: segments[rank], float32."""

    def __init__(self, comm, nbytes: int):
        from mpi4py import MPI

        self.comm, self.win = comm, MPI.Win.Allocate_shared(nbytes, 4, comm=comm)
        self.segments = [np.frombuffer(self.win.Shared_query(r)[0], np.float32) for r in range(comm.size)]
        self.own, self.turn = self.segments[comm.rank], 0
        self.own[:] = 0
        self.win.Lock_all()

    def Free(self):
        """Collective"""
        self.win.Unlock_all()
        self.segments = self.own = None
        self.win.Free()

    def meet(self):
        """What was written before by any rank is seen by all after."""
        self.win.Sync()
        self.comm.Barrier()
        self.win.Sync()

    def slices(self, n: int) -> list[slice]:
        """The share of each rank in n numbers"""
        cuts = [n * r // self.comm.size for r in range(self.comm.size + 1)]
        return [slice(*c) for c in pairwise(cuts)]

    def add(self):
        """The sum over the segments, in segment 0: each rank adds up its slice."""
        self.meet()
        s = self.slices(len(self.own))[self.comm.rank]
        total([g[s] for g in self.segments], self.segments[0][s])
        self.meet()

    def copied(self, a):
        self.own[:] = a
        self.add()
        a[:] = self.segments[0]
        self.meet()  # segment 0 may be written again

    def lean(self, a):
        """As `copied`, but the share that a rank adds up itself never goes into its window."""
        rank, cut = self.comm.rank, self.slices(len(a))
        self._put(rank, a, self.segments, cut)
        self.meet()
        self._add(rank, a, self.segments, cut)
        self.meet()
        self._take(rank, a, self.segments, cut)

    def pipe(self, a, step: int):
        """Three pieces at a time: copy in the next, add up this, copy out the last; one barrier each."""
        rank, pieces = self.comm.rank, [a[i : i + step] for i in range(0, len(a), step)]
        for i in range(-1, len(pieces) + 1):
            for k, do in ((i + 1, self._put), (i, self._add), (i - 1, self._take)):
                if 0 <= k < len(pieces):
                    at = (self.turn + k) % 3 * step
                    cut = self.slices(len(pieces[k]))
                    do(rank, pieces[k], [g[at : at + len(pieces[k])] for g in self.segments], cut)
            if i < len(pieces):
                self.meet()
        self.turn += len(pieces)

    def _put(self, rank, piece, seen, cut):
        for part in (slice(0, cut[rank].start), slice(cut[rank].stop, None)):
            seen[rank][part] = piece[part]

    def _add(self, rank, piece, seen, cut):
        own = cut[rank]
        total([piece[own] if g is seen[rank] else g[own] for g in seen], seen[rank][own])

    def _take(self, rank, piece, seen, cut):
        for part, g in zip(cut, seen):
            piece[part] = g[part]


def total(terms: list[np.ndarray], out: np.ndarray):
    """out = terms[0] + terms[1] + ..., in this order; out may be terms[0]."""
    for i in range(0, len(out), BLOCK):
        b = slice(i, i + BLOCK)
        np.add(terms[0][b], terms[1][b], out=out[b])
        for t in terms[2:]:
            np.add(out[b], t[b], out=out[b])
