"""Sums over the ranks of arrays that lie on cards: through the host, by CUDA-aware MPI, or by NCCL.

staged : through pinned memory of the host; always right. Ranks of one node add up in memory that all of
         them see, where it can be had
mpi    : by an MPI library that reads the memory of a card (CUDA-aware)
nccl   : by NCCL, where every rank has a card of its own

An MPI library that cannot read a card's memory ends the process with a segmentation fault, so each rank first
tries it in a child process.
"""

import os
import signal
import subprocess
from functools import partial

import numpy as np

from nanompi.device.shared import Common
from nanompi.mpi.children import python

LEAST = 1 << 16  # bytes from which memory that the ranks share pays
WAYS = {"auto": ("nccl", "mpi", "staged"), "nccl": ("nccl", "staged"), "mpi": ("mpi", "staged")}
ABOUT = {"mpi": "by MPI from the memory of the cards", "nccl": "by NCCL"}
TRIALS = {
    "mpi": """
import sys, cupy
from mpi4py import MPI
cupy.cuda.Device(int(sys.argv[1])).use()
a, b = cupy.arange(1 << 16, dtype="float32"), cupy.zeros(1 << 16, "float32")
cupy.cuda.runtime.deviceSynchronize()
MPI.COMM_SELF.Sendrecv(a, 0, recvbuf=b, source=0)
sys.exit(0 if bool((a == b).all()) else "it moves wrong numbers")
""",
    "nccl": """
import sys, cupy
from cupy.cuda import nccl
cupy.cuda.Device(int(sys.argv[1])).use()
a = cupy.arange(1 << 16, dtype="float32")
comm = nccl.NcclCommunicator(1, nccl.get_unique_id(), 0)
comm.allReduce(a.data.ptr, a.data.ptr, a.size, nccl.NCCL_FLOAT32, nccl.NCCL_SUM, cupy.cuda.Stream.null.ptr)
cupy.cuda.runtime.deviceSynchronize()
sys.exit(0 if bool((a == cupy.arange(1 << 16)).all()) else "it moves wrong numbers")
""",
}
LAUNCHERS = ("PMI", "OMPI_", "PRTE_", "SLURM_", "MPI_LOCAL", "MV2_", "HYDRA")


def choose(wanted: str, device, team) -> str:
    """Give the team the first transport wanted that works on all ranks; the choice and the reasons.

    A transport is called as transport(team, *arrays) with flat real arrays, and sums them in place.
    """
    why = []
    for kind in WAYS.get(wanted, ("staged",)):
        fault = _fault(kind, device, team)
        if not fault:
            about = team.transport.about if kind == "staged" else ABOUT[kind]
            return f"{about} ({'; '.join(why)})" if why else about
        why.append(f"{kind}: {fault}")


def _fault(kind, device, team) -> str:
    """Make `way` the team's transport; why it cannot be, or nothing. Equal on all ranks."""
    if kind == "staged":
        team.transport = Staged(device, team)
        return ""
    if kind == "nccl" and team.max(device.sharers) > 1:
        return "ranks share a card"
    faults = [f for f in team.allgather(trial(kind, device.card)) if f]
    if faults:
        return faults[0]
    make = {"nccl": nccl, "mpi": aware}[kind]
    team.transport = make(device, team)
    return "" if team.all(right(device, team)) else "its sum of known numbers is wrong"


def right(device, team) -> bool:
    """Does the transport add up known numbers?"""
    a = device.array(np.arange(1000) + team.rank, device.real)
    team.sum(a)
    want = team.size * np.arange(1000) + team.size * (team.size - 1) // 2
    return bool(np.array_equal(device.host(a), want))


class Staged:
    """Card -> pinned memory of the host -> sum -> card. team : whose ranks add up (collective)

    about : how, for the log
    """

    def __init__(self, device, team):
        self.device, self.host, self.common = device, None, None
        teams = team.by_node()
        self.teams = teams if team.max(teams[0].size) > 1 else None
        self.about = "through the host's memory" + ", shared within a node" * self._shared(team, LEAST)

    def __call__(self, team, *arrays):
        self.device.wait()  # what the card still computes is not time of the sum
        with team.clock.phase("combine"):
            self._sum(team, arrays)

    def _sum(self, team, arrays):
        ends = [int(n) for n in np.cumsum([0, *(a.nbytes for a in arrays)])]
        real, nbytes = arrays[0].dtype, ends[-1]
        if self._shared(team, nbytes):
            give, take, add = self.common.own, self.common.total, partial(self.common.sum, real, nbytes)
        else:
            give = take = self._alone(nbytes)
            add = partial(team.sum, give[:nbytes].view(real))
        compute, places = self.device.compute, list(zip(arrays, ends, ends[1:]))
        for a, i, j in places:
            self.device.copy(a, give[i:j], compute, inward=False)
        compute.synchronize()
        add()
        for a, i, j in places:
            self.device.copy(a, take[i:j], compute, inward=True)
        compute.synchronize()  # the memory of the host may be used again

    def _shared(self, team, nbytes) -> bool:
        """Is there memory for so much that the ranks of a node share? The same answer on all ranks."""
        if not self.teams or nbytes < LEAST:
            return False
        if self.common is None or len(self.common.own) < nbytes:
            self.common = None  # the old one goes first
            self.common = self._opened(team, nbytes)
            self.teams = self.teams if self.common else None
        return self.common is not None

    def _opened(self, team, nbytes) -> Common | None:
        """Pinned memory shared by the ranks of each node; None on all where one of them cannot have it"""
        try:
            common, pinned = Common(team, *self.teams, nbytes), True
        except OSError:
            return None
        try:
            self.device.pin(common.own)
            self.device.pin(common.total)
        except RuntimeError:  # of CUDA: memory of this kind cannot be pinned here
            pinned = False
        return common if team.all(pinned) else None

    def _alone(self, nbytes) -> np.ndarray:
        """Pinned bytes, kept for the next call"""
        if self.host is None or len(self.host) < nbytes:
            self.host = None
            self.host = self.device.pinned((nbytes,), np.uint8)
        return self.host


def aware(device, team):
    """Allreduce on the arrays of the card themselves, by MPI: each where it stands, in one message.

    MPI knows of no stream: it reads at once, so that nothing may be queued on the arrays any more.
    """

    def transport(team, *arrays):
        device.wait()
        team.sum_in_place(arrays)

    return transport


def nccl(device, team):
    """NCCL's all-reduce on the stream of compute"""
    from cupy.cuda import nccl as lib

    comm = lib.NcclCommunicator(team.size, team.bcast(lib.get_unique_id() if team.root else None), team.rank)
    kind = {np.float32: lib.NCCL_FLOAT32, np.float64: lib.NCCL_FLOAT64}[device.real]

    def transport(team, *arrays):
        device.wait()
        with team.summing(sum(a.nbytes for a in arrays)):
            for a in arrays:
                comm.allReduce(a.data.ptr, a.data.ptr, a.size, kind, lib.NCCL_SUM, device.compute.ptr)

    return transport


def trial(kind: str, card: int, seconds: float = 60) -> str:
    """Try a transport in a child process without the launcher's variables; what went wrong, or nothing."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(LAUNCHERS)}
    command = python("-c", TRIALS[kind], card)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=clean, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return f"its test did not end within {seconds:.0f} s"
    if done.returncode < 0:
        return f"its test ended with {signal.Signals(-done.returncode).name}"
    last = (done.stderr.strip().splitlines() or [f"its test ended with code {done.returncode}"])[-1]
    return last if done.returncode else ""
