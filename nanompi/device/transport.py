"""How sums of arrays on cards travel between the ranks.

staged : through pinned memory of the host; always right
mpi    : by an MPI library that reads the memory of a card (CUDA-aware)
nccl   : by NCCL, where every rank has a card of its own

An MPI library that cannot read a card's memory ends the process with a segmentation fault, so each rank first
tries it in a child process.
"""

import os
import signal
import subprocess
import sys

import numpy as np

WAYS = {"auto": ("nccl", "mpi", "staged"), "nccl": ("nccl", "staged"), "mpi": ("mpi", "staged")}
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
    """Give the device the first transport wanted that works on all ranks; the choice and the reasons."""
    why = []
    for way in WAYS.get(wanted, ("staged",)):
        fault = _fault(way, device, team)
        if not fault:
            return f"{way} ({'; '.join(why)})" if why else way
        why.append(f"{way}: {fault}")


def _fault(way, device, team) -> str:
    """Make `way` the device's transport; why it cannot be, or nothing. Equal on all ranks."""
    if way == "staged":
        device.transport = lambda team, *arrays: staged(device, team, *arrays)
        return ""
    if way == "nccl" and team.max(device.sharers) > 1:
        return "ranks share a card"
    faults = [f for f in team.allgather(trial(way, device.card)) if f]
    if faults:
        return faults[0]
    make = {"nccl": nccl, "mpi": aware}[way]
    device.transport = make(device, team)
    return "" if team.all(right(device, team)) else "its sum of known numbers is wrong"


def right(device, team) -> bool:
    """Does the transport add up known numbers?"""
    a = device.array(np.arange(1000) + team.rank, device.real)
    device.transport(team, a)
    want = team.size * np.arange(1000) + team.size * (team.size - 1) // 2
    return bool(np.array_equal(device.host(a), want))


def staged(device, team, *arrays):
    """Card -> pinned memory -> Allreduce -> card"""
    sizes = [-(-a.nbytes // 16) * 16 for a in arrays]
    ends = np.cumsum([0, *sizes])
    whole = device.staging(int(ends[-1]))
    views = [whole[e : e + a.nbytes].view(a.dtype).reshape(a.shape) for e, a in zip(ends, arrays)]
    for a, view in zip(arrays, views):
        device.copy(a, view, device.compute, inward=False)
    device.compute.synchronize()
    team.sum(*views)
    for a, view in zip(arrays, views):
        device.copy(a, view, device.compute, inward=True)
    device.compute.synchronize()  # the staging memory may be used again


def aware(device, team):
    """Allreduce on the arrays of the card themselves"""

    def transport(team, *arrays):
        device.compute.synchronize()
        team.sum(*arrays)

    return transport


def nccl(device, team):
    """NCCL's all-reduce on the stream of compute"""
    from cupy.cuda import nccl as lib

    comm = lib.NcclCommunicator(team.size, team.bcast(lib.get_unique_id() if team.root else None), team.rank)
    kind = {np.float32: lib.NCCL_FLOAT32, np.float64: lib.NCCL_FLOAT64}[device.real]

    def transport(team, *arrays):
        for a in arrays:
            reals = a.nbytes // np.dtype(device.real).itemsize
            comm.allReduce(a.data.ptr, a.data.ptr, reals, kind, lib.NCCL_SUM, device.compute.ptr)

    return transport


def trial(way: str, card: int, seconds: float = 60) -> str:
    """Try a transport in a child process without the launcher's variables; what went wrong, or nothing."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(LAUNCHERS)}
    command = [sys.executable, "-c", TRIALS[way], str(card)]
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
