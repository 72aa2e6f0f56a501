"""Room for large arrays of all ranks: in memory, or else in a file on a disk of the node."""

import os
from tempfile import TemporaryFile

import numpy as np

from nanompi.data.data import count
from nanompi.data.redistribute import free_memory
from nanompi.errors import ResourceError, common
from nanompi.units import show

USABLE = 0.9  # of the memory that is free: the rest is for what comes and goes


def lacking(team, nbytes: float) -> float:
    """How many bytes the node with the least room lacks, where each rank takes so many (collective).

    Negative: so many are left there.
    """
    return _lacking(team, nbytes, USABLE * free_memory())


def _lacking(team, nbytes: float, free: float) -> float:
    every = team.allgather((team.host, nbytes, free))
    hosts = {host for host, *_ in every}
    return max(sum(n for h, n, _ in every if h == host) - min(f for h, _, f in every if h == host)
               for host in hosts)  # fmt: skip


def room(team, shape, dtype, scratch: str, beside: int, say) -> np.ndarray:
    """An array for the rows of this rank, its contents undefined (collective).

    scratch : folder local to the node, for a file in place of memory where that is too small. The file has
        no name there: it goes with this process, however that ends.
    beside  : further bytes that each rank needs. Errors: ResourceError where there is no room.
    """
    nbytes = count(shape) * np.dtype(dtype).itemsize
    short = lacking(team, nbytes + beside)
    if short <= 0:
        return np.empty(shape, dtype)
    most = show(team.max(nbytes), "B")
    if not scratch:
        raise common(ResourceError(
            f"the rows that a rank is to hold, {most}, do not fit into memory: a node lacks "
            f"{show(short, 'B')}. Take more nodes, or a part (`input: {{rows: ...}}`, `select:`), or name a "
            "folder on a disk of each node: `run: {scratch: /tmp}`"
        ))  # fmt: skip
    say(f"memory lacks {show(short, 'B')} for the rows of the ranks of a node; they lie in {scratch}")
    return _on_disk(team, shape, dtype, scratch, nbytes)


def _on_disk(team, shape, dtype, scratch: str, nbytes: int) -> np.ndarray:
    """The same in a file. Errors: ResourceError."""
    fault, file, free = "", None, 0.0
    try:
        os.makedirs(scratch, exist_ok=True)
        file, disk = TemporaryFile(dir=scratch), os.statvfs(scratch)
        free = disk.f_bavail * disk.f_frsize
    except OSError as error:
        fault = f"run.scratch: {scratch} on {team.host} cannot be used: {error.strerror}"
    fault = next(filter(None, team.allgather(fault)), "")
    short = _lacking(team, nbytes, free)
    if not fault and short > 0:
        fault = f"run.scratch: {scratch} lacks {show(short, 'B')} for the rows of the ranks of a node"
    if fault:
        raise common(ResourceError(fault))
    return np.memmap(file, dtype, "w+", shape=shape).view(np.ndarray) if nbytes else np.empty(shape, dtype)
