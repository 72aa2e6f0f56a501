"""Sums over the ranks of arrays that lie on cards: through the host, by CUDA-aware MPI, or by NCCL.

staged : through pinned memory of the host; always right. Ranks of one node add up in memory that all of
         them see, where it can be had
mpi    : by an MPI library that reads the memory of a card (CUDA-aware)
nccl   : by NCCL, where every rank has a card of its own

An MPI library that cannot read a card's memory ends the process with a segmentation fault, so one rank of
each node first tries it in a child process, with messages as large as those of a run: small ones take
another path.
"""

import signal
import subprocess
from functools import partial

import numpy as np

from nanompi.device import nccl
from nanompi.device.shared import Common
from nanompi.errors import ResourceError
from nanompi.mpi.children import python
from nanompi.mpi.launcher import without_launcher
from nanompi.mpi.transport import Transport

LEAST = 1 << 16  # bytes from which memory that the ranks share pays
TRIAL = 32 << 20  # bytes of a trial: an MPI library copies what is large by other means
WAYS = {"auto": ("nccl", "mpi", "staged"), "nccl": ("nccl", "staged"), "mpi": ("mpi", "staged")}
ABOUT = {"mpi": "by MPI from the memory of the cards", "nccl": "by NCCL"}
TRIALS = {
    "mpi": f"""
import sys, cupy
from mpi4py import MPI
cupy.cuda.Device(int(sys.argv[1])).use()
a, b = cupy.arange({TRIAL // 4}, dtype="float32"), cupy.zeros({TRIAL // 4}, "float32")
cupy.cuda.runtime.deviceSynchronize()
MPI.COMM_SELF.Sendrecv(a, 0, recvbuf=b, source=0)
sys.exit(0 if bool((a == b).all()) else "it moves wrong numbers")
""",
    "nccl": f"""
import sys, cupy
from cupy.cuda import nccl
cupy.cuda.Device(int(sys.argv[1])).use()
a = cupy.arange({TRIAL // 4}, dtype="float32")
comm = nccl.NcclCommunicator(1, nccl.get_unique_id(), 0)
comm.allReduce(a.data.ptr, a.data.ptr, a.size, nccl.NCCL_FLOAT32, nccl.NCCL_SUM, cupy.cuda.Stream.null.ptr)
cupy.cuda.runtime.deviceSynchronize()
sys.exit(0 if bool((a == cupy.arange({TRIAL // 4}, dtype="float32")).all()) else "it moves wrong numbers")
""",
}


def choose(wanted: str, device, team) -> str:
    """Give the team the first transport wanted that works on all ranks; the choice and the reasons.

    Collective. A transport is called as transport(team, *arrays): it sums flat real arrays in place.
    """
    why, (node, _) = [], team.by_node()
    for kind in WAYS.get(wanted, ("staged",)):
        fault = _fault(kind, device, team, node)
        if not fault:
            about = team.transport.about if kind == "staged" else ABOUT[kind]
            return f"{about} ({'; '.join(why)})" if why else about
        why.append(f"{kind}: {fault}")


def _fault(kind, device, team, node) -> str:
    """Make `kind` the team's transport; why it cannot be, or nothing. Equal on all ranks."""
    if kind == "staged":
        team.transport = Staged(device, team)
        return ""
    if fault := REFUSED[kind](device, team, node) or _tried(kind, device, team, node):
        return fault
    team.transport, fault = nccl.start(device, team) if kind == "nccl" else (Aware(device), "")
    return fault or ("" if team.all(right(device, team)) else "its sum of known numbers is wrong")


def _tried(kind, device, team, node) -> str:
    """The fault of a trial, on all ranks. The first rank of each node tries: a child of each of them would
    import CuPy again, from a file system of the network."""
    if team.max(_exclusive(device)):  # no child would get the card; nothing but the start itself can tell
        return ""
    fault = node.on_root(lambda: trial(kind, device.card))
    return next((f for f in team.allgather(fault) if f), "")


def _nccl_refused(device, team, node) -> str:
    return "ranks share a card" if team.max(device.sharers) > 1 else ""


def _mpi_refused(device, team, node) -> str:
    """What would end all ranks in the first sum: MPI copies between cards of a node by CUDA IPC."""
    if team.max(_exclusive(device)):
        return "a card in exclusive mode lets no other process try it"
    seen = {d.pci_bus_id for d in map(device.xp.cuda.Device, range(device.cards))}
    if team.max(any(other != seen for other in node.allgather(seen))):
        return "ranks of a node see different cards (sbatch --gpus-per-node shows all to each)"
    return ""


def _exclusive(device) -> bool:
    """Does the card take one process alone? (cudaComputeModeExclusive, ...ExclusiveProcess)"""
    runtime = device.xp.cuda.runtime
    return runtime.deviceGetAttribute(runtime.cudaDevAttrComputeMode, device.card) in (1, 3)


REFUSED = {"nccl": _nccl_refused, "mpi": _mpi_refused}


def right(device, team) -> bool:
    """Does the transport add up known numbers between these ranks, many and a few?"""
    numbers = [np.arange(n) % 1000 for n in (TRIAL // np.dtype(device.real).itemsize, 1000)]
    arrays = [device.array(a + team.rank, device.real) for a in numbers]
    team.sum(*arrays)
    more = team.size * (team.size - 1) // 2
    return all(np.array_equal(device.host(a), team.size * n + more) for a, n in zip(arrays, numbers))


class Staged(Transport):
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
        except (
            RuntimeError,
            ResourceError,
        ):  # of CUDA: memory of this kind cannot be pinned here, or no more
            pinned = False
        return common if team.all(pinned) else None

    def _alone(self, nbytes) -> np.ndarray:
        """Pinned bytes, kept for the next call"""
        if self.host is None or len(self.host) < nbytes:
            self.host = None
            self.host = self.device.pinned((nbytes,), np.uint8)
        return self.host


class Aware(Transport):
    """Allreduce by MPI on the arrays of the card themselves, each where it stands in one message.

    MPI knows of no stream: it reads at once, so that nothing may be queued on the arrays any more.
    """

    def __init__(self, device):
        self.device = device

    def __call__(self, team, *arrays):
        self.device.wait()
        team.sum_of_cards(arrays)


def trial(kind: str, card: int, seconds: float = 60) -> str:
    """Try a transport in a child process without the launcher's variables; what went wrong, or nothing."""
    how = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL, "env": without_launcher()}
    try:
        done = subprocess.run(python("-c", TRIALS[kind], card), timeout=seconds, **how)
    except subprocess.TimeoutExpired:
        return f"its test did not end within {seconds:.0f} s"
    if done.returncode < 0:
        return f"its test ended with {signal.Signals(-done.returncode).name}"
    last = (done.stderr.strip().splitlines() or [f"its test ended with code {done.returncode}"])[-1]
    return last if done.returncode else ""
