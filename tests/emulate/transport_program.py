"""Run by mpirun with the emulated card: each transport adds up what kernels write just before the sum.

usage: transport_program.py staged|aware
"""

import sys

import cupy
import numpy as np

from nanompi.device import transport
from nanompi.device.cuda import Cuda
from nanompi.mpi.team import Team

SHAPES = (1, 64, 64), (64, 64), (3, 700, 700), (0, 3)  # small ones, one above 8 MiB in double, an empty one


def sums(device, team):
    """Arrays that a kernel has just been asked to write become their sums"""
    whole = team.size * (team.size + 1) // 2
    arrays = [cupy.zeros(shape, t) for shape in SHAPES for t in (device.real, device.complex)]
    for round_ in (1, 2):
        for a in arrays:
            a.fill(round_ * (team.rank + 1))
        team.sum(*arrays)
        for a in arrays:
            assert np.array_equal(a.get(), np.full(a.shape, round_ * whole)), a.shape


def refused(device):
    """The stand-in gives nothing to MPI on which work is still queued"""
    a = cupy.zeros(5)
    for ask in (lambda: a.__dlpack__(stream=-1), lambda: a.__cuda_array_interface__):
        device.wait()
        ask()
        a.fill(1)
        try:
            ask()
        except cupy.Race as e:
            assert "before the host has waited" in str(e)
        else:
            raise AssertionError("given away")


if __name__ == "__main__":
    with Team() as team:
        for precision in ("single", "double"):
            device = Cuda(cupy, precision=precision)
            team.transport = {"staged": transport.Staged, "aware": transport.aware}[sys.argv[1]](device, team)
            sums(device, team)
        refused(device)
        if team.root:
            print(f"summed on {team.size} ranks")
