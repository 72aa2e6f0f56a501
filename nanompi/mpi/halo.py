"""Halo exchange: the same messages between neighbours, again and again, beside the computing."""

from weakref import finalize

import numpy as np

from nanompi.mpi.messages import reals
from nanompi.mpi.same_call import CHECK, compare
from nanompi.mpi.team import Team


class HaloExchange:
    """The same messages between the same ranks again and again, while this rank computes.

    Before its array a rank sends a mark, an empty message: who has no mark yet waits for a rank, who has it
    for the bytes.
    give, take : {rank: C-contiguous array of the host}; who gives to a rank takes from it as well
    bytes      : that this rank gives each time
    """

    def __init__(self, team: Team, give: dict[int, np.ndarray], take: dict[int, np.ndarray], tag: int = 7):
        self.team, comm, none = team, team.comm, np.empty(0, np.uint8)
        self.marks = [f(none, r, tag + 1) for r in give for f in (comm.Recv_init, comm.Send_init)]
        self.arrays = [comm.Recv_init(reals(a), r, tag) for r, a in take.items()]
        self.arrays += [comm.Send_init(reals(a), r, tag) for r, a in give.items()]
        self.bytes = sum(a.nbytes for a in give.values())
        finalize(self, _free, self.marks + self.arrays)  # MPICH tells of each that is left at the end

    def start(self):
        """Send what is in `give` now; neither array may be touched before `wait` has ended."""
        if CHECK:
            compare(self.team, "exchange")
        for request in self.marks + self.arrays:
            request.Start()

    def poll(self) -> bool:
        """Have all messages ended? They also go on: some MPI libraries move nothing while nobody asks."""
        from mpi4py import MPI

        return MPI.Request.Testall(self.marks + self.arrays)

    def wait(self):
        """What the others gave is in `take`. The time until all have begun to give is counted as "wait"."""
        from mpi4py import MPI

        with self.team.waits("exchange"), self.team.clock.phase("combine"):
            with self.team.clock.phase("wait"):
                MPI.Request.Waitall(self.marks)
            MPI.Request.Waitall(self.arrays)
        self.team.sent(self.bytes)


def _free(requests):
    for request in requests:
        request.Free()
