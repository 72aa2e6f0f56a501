"""Under mpirun: sums in memory that the ranks of a node see, with numbers that can be told beforehand."""

import os
from pathlib import Path

import numpy as np

from nanompi.device import shared
from nanompi.device.shared import Common
from nanompi.mpi.team import Team
from nanompi.timing import Clock


def exact(team, teams):
    """Whole numbers add up exactly: sizes that no number of ranks divides, again and again without a pause"""
    made = Common(team, *teams, 80_008)
    for n, dtype in ((80_008, np.float64), (79_996, np.float32), (8, np.float64), (0, np.float32)):
        for turn in range(60):
            made.own[:n].view(dtype)[:] = np.arange(n // np.dtype(dtype).itemsize) % 97 + turn * team.rank
            made.sum(dtype, n)
            got = made.total[:n].view(dtype)
            want = team.size * (np.arange(len(got)) % 97) + turn * (team.size * (team.size - 1) // 2)
            assert np.array_equal(got, want), (n, dtype, turn)
    assert team.clock.bytes["combine"] == 60 * (80_008 + 79_996 + 8)


def in_order(team, teams):
    """Numbers of very different sizes: the bits of a sum in the order of the ranks"""
    if teams[0].size < team.size:
        return
    made = Common(team, *teams, 4000)
    every = [np.random.default_rng(r).normal(0, 10.0**r, 1000).astype(np.float32) for r in range(team.size)]
    made.own.view(np.float32)[:] = every[team.rank]
    made.sum(np.float32, 4000)
    want = every[0].copy()
    for a in every[1:]:
        want += a
    assert np.array_equal(made.total.view(np.float32), want)


def no_room(team, teams):
    """One node without room: an error on all ranks, and nothing is left behind"""

    def full(*args):
        raise OSError(28, "No space left on device")

    if team.rank == team.size - 1 or team.size == teams[0].size:
        shared.os.posix_fallocate = full
    try:
        Common(team, *teams, 4096)
    except OSError as e:
        assert str(e) == "/dev/shm: No space left on device"
    else:
        raise AssertionError("not refused")


def halved(team):
    """As if the first ranks were on a node of their own, and the others on another one"""
    node = team._of(team.comm.Split(2 * team.rank // team.size, team.rank))
    firsts = team._of(team.comm.Split(min(node.rank, 1), team.rank))
    return node, firsts if node.root else None


with Team() as team:
    before = {p.name for p in Path(shared.FOLDER).glob("nanompi-*")}
    team.barrier()
    for teams in [team.by_node()] + [halved(team)] * (team.size > 1):
        assert teams[0].size in (team.size, team.size // 2, -(-team.size // 2))
        team.count_in(Clock())
        exact(team, teams)
        in_order(team, teams)
    kept = os.posix_fallocate
    no_room(team, teams)
    shared.os.posix_fallocate = kept
    team.barrier()
    assert {p.name for p in Path(shared.FOLDER).glob("nanompi-*")} <= before
