"""Run by mpirun with the emulated card: the device is opened as in a run, and its transport adds up what
kernels write just before the sum.

usage: transport_program.py staged|auto|mpi|nccl [seconds for NCCL to start]
MINE=1: each rank sees a card of its own, and no other
"""

import os
import sys
from types import SimpleNamespace

import numpy as np

from nanompi.device import nccl, open_device
from nanompi.mpi.team import Team

SHAPES = (1, 64, 64), (64, 64), (3, 700, 700), (0, 3)  # small ones, one above 8 MiB in double, an empty one


def sums(device, team):
    """Arrays that a kernel has just been asked to write become their sums"""
    whole = team.size * (team.size + 1) // 2
    arrays = [device.xp.zeros(shape, t) for shape in SHAPES for t in (device.real, device.complex)]
    for round_ in (1, 2):
        for a in arrays:
            a.fill(round_ * (team.rank + 1))
        team.sum(*arrays)
        for a in arrays:
            assert np.array_equal(a.get(), np.full(a.shape, round_ * whole)), a.shape


if __name__ == "__main__":
    with Team() as team:
        wanted, *seconds = sys.argv[1:]
        nccl.LIMIT = float(*seconds) if seconds else nccl.LIMIT
        if "MINE" in os.environ:
            os.environ["CUDA_VISIBLE_DEVICES"] = str(team.rank)
        options, lines = SimpleNamespace(device="cuda", precision="double", threads=1, transport=wanted), []
        sums(open_device(options, team, lines.append), team)
        if team.root:
            print(lines[0])
