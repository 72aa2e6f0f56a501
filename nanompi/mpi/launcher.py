"""What the launcher of the ranks (mpirun, srun) says, and what an MPI library needs to be told about it."""

import os
import socket
import sys
from collections import Counter
from contextlib import suppress

MARK = b"\x1e"  # around what a rank tells `nanompi run -n` of itself; no text for people contains it
_RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "PMIX_SIZE", "MV2_COMM_WORLD_SIZE")
_MARKS = tuple("PMI OMPI_ PRTE_ SLURM_ HYDI_ HYDRA MPI_LOCAL MV2_ PALS_ FLUX_ ALPS_ JSM_ LSB_".split())


def launched(environ=os.environ) -> int:
    """How many ranks the launcher says it started (1 when there is no launcher)."""
    found = [int(environ[k]) for k in _SIZES if environ.get(k, "").isdigit()]
    return max(found, default=1)


def under_launcher(environ=os.environ) -> bool:
    """Has mpirun, mpiexec or srun started this process?"""
    return launched(environ) > 1 or any(name in environ for name in _RANKS)


def without_launcher(environ=os.environ) -> dict[str, str]:
    """An environment for a process that uses MPI by itself: as if no launcher had started this one."""
    return {k: v for k, v in environ.items() if not k.startswith(_MARKS)}


def node(environ=os.environ) -> str:
    """The name of this node: Slurm's, else that of the host."""
    return environ.get("SLURMD_NODENAME") or socket.gethostname()


def tell(library: str, environ=os.environ):
    """Between loading and starting MPI: MPICH from a Python wheel under srun must use libfabric.

    Its other transport, UCX, has addresses that are too long for Slurm's PMI2, and ranks on several nodes
    hang. A variable that is set already stays. library : the text of MPI.Get_library_version()
    """
    if "MPICH" in library and "SLURM_STEP_ID" in environ and "PMI_RANK" in environ and _from_a_wheel():
        environ.setdefault("MPIR_CVAR_CH4_NETMOD", "ofi")


def announce(rank: int, environ=os.environ) -> int | None:
    """Tell `nanompi run -n` (nanompi.mpi.relay) which process this rank is, so that it can name it.

    Gives a number of stderr for `announce_end`, since a step may close 2.
    """
    if "NANOMPI_RELAY" in environ:
        text = f"rank {rank} process {os.getpid()} on {socket.gethostname()}".encode()
        with suppress(OSError):
            os.write(2, MARK + text + MARK + b"\n")
            return os.dup(2)
    return None


def announce_end(number: int | None):
    """Tell `nanompi run -n` that this rank came to its end: one that a library ends (`_exit`) does not."""
    if number is not None:
        with suppress(OSError):
            os.write(number, MARK + f"end of process {os.getpid()}".encode() + MARK + b"\n")


def _from_a_wheel() -> bool:
    """Is the MPI library one that lies in the folder of this Python's packages?"""
    try:
        with open("/proc/self/maps") as maps:
            return any("/libmpi" in line and sys.prefix in line for line in maps)
    except OSError:
        return False


def share_of(own: set[int], everyone: list[set[int]]) -> int:
    """How many cores of a node are a rank's own, at least one: a core that n ranks may use counts 1/n.

    A launcher may have bound each rank to cores of its own, or let all use all.
    """
    from fractions import Fraction

    users = Counter(core for cores in everyone for core in cores)
    return max(1, int(sum(Fraction(1, users[core]) for core in own)))
