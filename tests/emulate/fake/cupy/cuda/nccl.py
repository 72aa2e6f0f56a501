"""cupy.cuda.nccl over MPI: NANOMPI_FAKE_NCCL=works, =hangs (ranks never find each other), =fails; else it is
absent.

Sums and messages are work of their stream: they read and write arrays there, and the host knows nothing of it
until it waits. The child of a trial, one rank alone, works in all three cases, but not on a card in exclusive
mode.
"""

import os
import time

import numpy as np

from cupy.cuda import clocks, runtime

HOW = os.environ.get("NANOMPI_FAKE_NCCL", "")
NCCL_SUM, NCCL_FLOAT32, NCCL_FLOAT64 = 0, 7, 8
_DTYPES = {NCCL_FLOAT32: np.float32, NCCL_FLOAT64: np.float64}

if not HOW:
    raise ImportError("libnccl.so.2: cannot open shared object file")


class NcclError(RuntimeError):
    """An error of NCCL."""


def get_unique_id() -> bytes:
    return bytes(128)


_group: list[tuple] = []


def groupStart():
    _group.clear()


def groupEnd():
    """All messages of the group, at once"""
    requests = []
    for comm, take, at, count, datatype, peer, stream in _group:
        place = clocks.find(at, count * np.dtype(_DTYPES[datatype]).itemsize)
        assert place and not place[0].host
        ends = ([], [place]) if take else ([place], [])
        clocks.compute(clocks.lines[stream], "recv" if take else "send", *ends)
        requests.append((comm.Irecv if take else comm.Isend)(place[0].bytes(*place[1:]), peer))
    for request in requests:
        request.Wait()


class NcclCommunicator:
    """One rank of `ndev`."""

    def __init__(self, ndev: int, commId: bytes, rank: int):
        if ndev == 1 and runtime.number("NANOMPI_FAKE_MODE", 0) == 3:
            raise NcclError("NCCL_ERROR_UNHANDLED_CUDA_ERROR: the card is in use by another process")
        if ndev > 1 and HOW == "hangs":
            time.sleep(3600)
        if ndev > 1 and HOW == "fails":
            raise NcclError("NCCL_ERROR_SYSTEM_ERROR: unhandled system error")
        self.comm = self._others() if ndev > 1 else None

    def _others(self):
        from mpi4py import MPI

        return MPI.COMM_WORLD.Dup()

    def allReduce(self, sendbuf: int, recvbuf: int, count: int, datatype: int, op: int, stream: int):
        if not count:
            return
        dtype = np.dtype(_DTYPES[datatype])
        place = clocks.find(recvbuf, count * dtype.itemsize)
        assert sendbuf == recvbuf and op == NCCL_SUM and place and not place[0].host
        clocks.compute(clocks.lines[stream], "allReduce", [place], [place])
        if self.comm:
            from mpi4py import MPI

            self.comm.Allreduce(MPI.IN_PLACE, place[0].bytes(*place[1:]).view(dtype))

    def send(self, sendbuf: int, count: int, datatype: int, peer: int, stream: int):
        _group.append((self.comm, False, sendbuf, count, datatype, peer, stream))

    def recv(self, recvbuf: int, count: int, datatype: int, peer: int, stream: int):
        _group.append((self.comm, True, recvbuf, count, datatype, peer, stream))

    def abort(self):
        self.comm = None
