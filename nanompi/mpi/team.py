"""The ranks of one job, and the verbs by which they work together.

A collective verb (`sum`, `max`, `bcast`, `gather`, ...) is called by every rank, in the same order, and never
inside `if team.root`. Inside `with Team() as team:` an exception on one rank (SystemExit too, whatever its
code) ends all ranks within seconds, with that rank's message and exit code.
"""

import copy
import os
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from functools import partial, wraps

import numpy as np

from nanompi.errors import NanompiError, common, complain, exit_code, is_common
from nanompi.mpi.guard import end_all, threads_at_work
from nanompi.mpi.launcher import launched, node, share_of
from nanompi.mpi.library import stranger, vendor, world
from nanompi.mpi.messages import PIECE, ROUND, calmly, packed, pieces, reals
from nanompi.mpi.same_call import CHECK, compare, others_go_on
from nanompi.mpi.transport import Transport
from nanompi.timing import Clock

EXCHANGE = 74  # tag of its messages
EVERY = 1000  # sums after which `settle` is due at the latest


def _verb(waiting: bool = True, meeting: bool = False):
    """A verb in which a rank may stand still for others: compared (NANOMPI_CHECK), watched and timed.

    waiting : all of its time is that of waiting; meeting : no rank leaves it before all have come to it
    """

    def marked(work):
        @wraps(work)
        def call(self, *args):
            if CHECK:
                compare(self, work.__name__, args)
            with self.waits(work.__name__), self.clock.phase("wait") if waiting else nullcontext():
                out = work(self, *args)
            if meeting:
                self._met = time.perf_counter()
            return out

        return call

    return marked


class Team:
    """All ranks of the program.

    rank, size, root     : place of this process, number of processes, is it rank 0
    host, place, places  : node name, place on the node, ranks on the node
    cores                : its share of the cores of the node, at least one
    clock                : where the time of waiting and of sums is counted; a run sets its own
    transport            : transport(team, *flat) sums flat real arrays of a card; a device sets it
    vendor               : text naming the MPI library
    alone : this rank by itself, for work that ranks do side by side.
    Without an MPI library one rank works alone. Errors: ResourceError when a launcher started N processes
    that do not know each other (`mpirun` of another MPI, `srun --mpi=none`).
    """

    def __init__(self, alone: bool = False):
        self.comm = None if alone else world()
        self.rank, self.size = (self.comm.rank, self.comm.size) if self.comm else (0, 1)
        self.root, self.host = self.rank == 0, node()
        self.place, self.places, self.cores = self._on_node()
        self.transport = Transport()
        self.waiting, self.ticks = "", 0  # what a watchdog looks at
        self.lost: BaseException | None = None  # that the others are gone: told already (mpi.guard)
        self.count_in(Clock())
        self.vendor = vendor() if self.comm else "none (one rank)"
        if self.size == 1 and launched() > 1 and not alone:
            raise stranger(f"MPI ({self.vendor}) sees only one: each would do the whole job alone")

    def _on_node(self):
        own = os.sched_getaffinity(0)
        if not self.comm:
            return 0, 1, len(own)
        from mpi4py import MPI

        node = self.comm.Split_type(MPI.COMM_TYPE_SHARED)
        place = node.rank, node.size, share_of(own, node.allgather(own))
        node.Free()
        return place

    def count_in(self, clock: Clock):
        """From now on the time of waiting and of sums is counted here."""
        self.clock, self._sums, self._met = clock, [], time.perf_counter()

    @contextmanager
    def waits(self, verb: str):
        """`with team.waits("sum"):` this rank may now stand still for others' sake"""
        before, self.waiting, clock = self.waiting, verb, self.clock
        begun = clock.elapsed()
        try:
            yield
        finally:
            self.waiting, self.ticks = before, self.ticks + 1
            if not before:
                clock.others += clock.elapsed() - begun

    @contextmanager
    def summing(self, nbytes: int):
        """`with team.summing(n):` around any sum over all ranks to which this one gives n bytes: timed here.

        How much of it is waiting for the last rank to come is found later, in `settle`.
        """
        came = time.perf_counter()
        with self.waits("sum"), self.clock.phase("combine"):
            yield
        self.sent(nbytes)
        left = time.perf_counter()
        self._sums.append((came - self._met, left - came))
        self._met = left
        if len(self._sums) == EVERY:
            self.settle()

    def settle(self):
        """Count as "wait" what of the sums since the last call was waiting for the last rank (collective).

        Clocks of nodes differ, so each rank notes when it came to a sum after all had met the last time: as
        they left the sum, or another verb that nobody leaves before all have come. The largest of these
        durations is that of the last rank; what another one came earlier, it has waited. The error for each
        sum is the time between the first and the last rank that leave a sum: less than the sum itself takes.
        """
        sums, self._sums = np.array(self._sums), []
        if self.size == 1 or not len(sums):
            return
        from mpi4py import MPI

        came, took = sums.T
        last = came.copy()
        with self.waits("settle"), self.clock.phase("wait"):
            self.comm.Allreduce(MPI.IN_PLACE, last, MPI.MAX)
        self._met = time.perf_counter()
        self.clock.move(float(np.clip(last - came, 0, took).sum()), "combine", "wait")

    def abort(self, code: int):
        """End all ranks at once, from any thread."""
        if self.size > 1:
            self.comm.Abort(code)
        self.exit(code)

    def exit(self, code: int):
        """End this process as it stands; the launcher ends the others."""
        os._exit(code)

    # ---- collective verbs ----------------------------------------------------------------------------------

    def sum(self, *arrays: np.ndarray):
        """Replace each array by its sum over the ranks: one in-place Allreduce for all of them.

        arrays : C-contiguous, float or complex; all of one real dtype, of the host or of a card. Small arrays
            of the host travel in one message (a copy); a large one is summed where it stands, in pieces of
            8 MiB. Those of a card are summed by its transport.
        """
        flat = [reals(a) for a in arrays]
        if len({a.dtype for a in flat}) > 1:
            raise ValueError(f"team.sum needs arrays of one precision, not {[a.dtype.name for a in arrays]}")
        if CHECK:
            compare(self, "sum", arrays)
        if self.size == 1:
            return
        if not isinstance(arrays[0], np.ndarray):
            return self.transport(self, *flat)
        from mpi4py import MPI

        with self.summing(sum(a.nbytes for a in flat)), packed(flat) as few:
            for piece in (p for a in few for p in pieces(a, ROUND)):
                self.comm.Allreduce(MPI.IN_PLACE, piece)

    def sum_of_cards(self, flat: list):
        """The same for flat real arrays of cards whose memory MPI reads, when all work on them has ended."""
        from mpi4py import MPI

        with self.summing(sum(a.nbytes for a in flat)):
            for piece in (p for a in flat for p in pieces(a, PIECE)):
                self.comm.Allreduce(MPI.IN_PLACE, piece)

    def sent(self, nbytes: int):
        """Count bytes that this rank gave to a sum over the ranks."""
        self.clock.give(nbytes)

    def total(self, *values: float) -> np.ndarray:
        """Sums over the ranks of some float64 numbers, as an array."""
        out = np.array(values, np.float64)
        if CHECK:
            compare(self, "sum", [out])
        if self.size == 1:
            return out
        from mpi4py import MPI

        with self.summing(out.nbytes):
            self.comm.Allreduce(MPI.IN_PLACE, out)
        return out

    @_verb(meeting=True)
    def max(self, value):
        """The largest value of all ranks."""
        if self.size == 1:
            return value
        from mpi4py import MPI

        return self.comm.allreduce(value, op=MPI.MAX)

    def begin_max(self, numbers: np.ndarray) -> Callable[[], None]:
        """Begin to replace each of some numbers by its largest value of all ranks (collective).

        What this gives is to be called for the end: only then a rank waits for the others.
        """
        if CHECK:
            compare(self, "begin_max")
        if self.size == 1:
            return lambda: None
        from mpi4py import MPI

        return partial(self._end_max, self.comm.Iallreduce(MPI.IN_PLACE, numbers, MPI.MAX))

    def _end_max(self, request):
        with self.waits("max"), self.clock.phase("wait"):
            calmly(request)

    def all(self, yes: bool) -> bool:
        """True when it is true on every rank."""
        return not self.max(not yes)

    @_verb()
    def bcast(self, thing=None):
        """Rank 0's object, on every rank (pickled: for small things)."""
        return self.comm.bcast(thing, root=0) if self.size > 1 else thing

    @_verb(waiting=False)
    def bcast_array(self, array: np.ndarray | None) -> np.ndarray | None:
        """Rank 0's array of any size, on every rank."""
        if self.size == 1:
            return array
        head = self.bcast(None if array is None else (array.shape, array.dtype.str))
        if head is None:
            return None
        out = np.ascontiguousarray(array) if self.root else np.empty(*head)
        for piece in pieces(out.reshape(-1).view(np.uint8)):
            self.comm.Bcast(piece, root=0)
        return out

    @_verb()
    def gather(self, thing) -> list | None:
        """List of all ranks' objects on rank 0, None elsewhere (pickled: for small things)."""
        return self.comm.gather(thing, root=0) if self.size > 1 else [thing]

    @_verb(meeting=True)
    def allgather(self, thing) -> list:
        """List of all ranks' objects, on every rank (pickled: for small things)."""
        return self.comm.allgather(thing) if self.size > 1 else [thing]

    @_verb(meeting=True)
    def barrier(self):
        """Wait for all ranks."""
        if self.size > 1:
            self.comm.Barrier()

    @_verb()
    def exchange(self, give: dict[int, np.ndarray], take: dict[int, np.ndarray]):
        """Give arrays to other ranks and take some from others, {rank: array}, until all are there.

        They are C-contiguous, and of one size on both sides; for an empty one nothing is sent. A rank may
        have nothing to give or take, but calls it, too.
        """
        come = [(array, partial(self.comm.Irecv, source=rank)) for rank, array in take.items()]
        go = [(array, partial(self.comm.Isend, dest=rank)) for rank, array in give.items()]
        for rank in give:
            self.clock.count("exchange", give[rank].nbytes)
        requests = [start(piece, tag=EXCHANGE) for array, start in (*come, *go)
                    for piece in pieces(array.reshape(-1).view(np.uint8))]  # fmt: skip
        for request in requests:
            calmly(request)

    def groups(self, n: int) -> "Team":
        """The team of this rank when the ranks are split into n groups of neighbours (collective).

        Its place on the node stays that among all ranks, so that groups share cores and cards of a node.
        """
        team = self._of(self.comm and self.comm.Split(self.rank * n // self.size, self.rank))
        if team.comm:
            team.side = team.comm.Dup()
        return team

    def by_node(self) -> tuple["Team", "Team | None"]:
        """(the ranks on this node, the first ranks of all nodes or None on others) (collective)."""
        if not self.comm:
            return self._of(None), self._of(None)
        from mpi4py import MPI

        node = self._of(self.comm.Split_type(MPI.COMM_TYPE_SHARED, self.rank))
        firsts = self._of(self.comm.Split(min(node.rank, 1), self.rank))
        return node, firsts if node.root else None

    def _of(self, comm) -> "Team":
        """A team of the ranks of a communicator, with a clock of its own"""
        team = copy.copy(self)
        team.count_in(Clock())
        if comm:
            team.comm, team.rank, team.size, team.root = comm, comm.rank, comm.size, comm.rank == 0
        return team

    def agree(self, error: BaseException | None, patience: float = 3.0) -> tuple[int, str] | None:
        """After work that may have failed: (exit code, message) of the first error, on all ranks; or None.

        For a team of `groups`. A rank with an error cannot call the others out of a sum in which they wait
        for it: when they do not come here in `patience` seconds, its error is raised, and ends all ranks.
        """
        outcome = None if error is None else (exit_code(error), str(error) or type(error).__name__)
        if self.size == 1:
            return outcome
        arrived, begun = self.side.Ibarrier(), time.monotonic()
        while not arrived.Test():
            if error is not None and time.monotonic() - begun > patience:
                if isinstance(error, NanompiError):
                    error.common = False  # common to this group alone
                raise error
            time.sleep(0.001)
        return next((e for e in self.side.allgather(outcome) if e is not None), None)

    def on_root(self, work):
        """`work()` done by rank 0 alone; its result, or its error, on every rank."""
        answer = error = None
        if self.root:
            try:
                answer = work()
            except NanompiError as e:
                error = e
        self.rest()
        answer, error = self.bcast((answer, error))
        if error is not None:
            raise common(error)
        return answer

    def array_on_root(self, work) -> np.ndarray:
        """The same for an array, of any size: it is not pickled."""
        arrays: list[np.ndarray] = []
        self.on_root(lambda: arrays.append(work()))
        return self.bcast_array(arrays[0] if self.root else None)

    @_verb(meeting=True)
    def rest(self):
        """Wait for all ranks without a busy loop: their work may be long, and need the cores."""
        arrived = self.comm.Ibarrier() if self.size > 1 else None
        while arrived and not arrived.Test():
            time.sleep(0.001)

    # ---- between two ranks ---------------------------------------------------------------------------------

    def isend(self, data, to: int, tag: int = 0):
        """Start to send bytes (any buffer) to a rank; `data` stays as it is until the requests end."""
        view = np.frombuffer(data, np.uint8)
        size = np.array([view.nbytes], np.int64)
        return [(self.comm.Isend(part, to, tag), part) for part in (size, *pieces(view))]

    @_verb(waiting=False)
    def wait(self, requests):
        """Wait until the requests of `isend` have ended."""
        for request, _ in requests:
            calmly(request)

    @_verb(waiting=False)
    def recv(self, source: int, tag: int = 0) -> np.ndarray:
        """Bytes sent by `isend`, as a uint8 array."""
        size = np.empty(1, np.int64)
        calmly(self.comm.Irecv(size, source, tag))
        out = np.empty(int(size[0]), np.uint8)
        for request in [self.comm.Irecv(piece, source, tag) for piece in pieces(out)]:
            calmly(request)
        return out

    # ---- the guard -----------------------------------------------------------------------------------------

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        error = error if error is not None or not CHECK else others_go_on(self)
        if error is None:
            return
        code = exit_code(error)
        if is_common(error) or self.size == 1:
            if self.root and code:
                complain(error, trace)
            self.barrier()  # Open MPI ends all ranks when the first one exits: not before rank 0 has spoken
            if isinstance(error, SystemExit) and code > 128 and threads_at_work():
                self.exit(code)  # by a signal: Python would wait until the kernels of threads are compiled
            sys.exit(code)
        end_all(self, error, trace, code)
