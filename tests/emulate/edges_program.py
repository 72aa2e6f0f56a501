"""Run by mpirun with the emulated card: ranks that see some of the same pixels add them up, on the CPU and on
the card, to the bits of a sum in the order of the ranks. A third rank sees nothing.

usage: edges_program.py TRANSPORT
"""

import sys
from types import SimpleNamespace

import numpy as np

from nanompi.device import Cpu, open_device
from nanompi.methods.ptycho.edges import Edges, EdgeSum
from nanompi.mpi.team import Team

N, BORDER = 2000, 30  # pixels; frames at the border
BLOCKS = [range(20), range(20), range(20)]


def scene(team):
    """(which pixels each rank sees, what each holds there, twice): the same on all ranks"""
    rng = np.random.default_rng(5)
    seen = rng.random((team.size, N)) < 0.6
    seen[2:, :] = seen[2:, :] & (team.size == 2)
    return seen, rng.normal(size=(2, team.size, N, 2)).view(complex)[..., 0]


def summed(device, team, seen, held) -> list[np.ndarray]:
    """Both arrays of this rank after two sums; the first is still under way when the second begins"""
    edges = Edges(team, device, {r: np.flatnonzero(seen[r] & seen[team.rank]) for r in others(team, seen)})
    nums = [device.array(a[team.rank].reshape(40, 50).copy()) for a in held]
    sums = [EdgeSum(edges, num, BORDER) for num in nums]
    for num, total in zip(nums, sums):
        for block in BLOCKS:
            num *= 1.0  # a kernel that writes what is given away
            total.add(block)
    for total in sums:
        total.close()
    return [device.host(num).reshape(-1) for num in nums]


def others(team, seen) -> list[int]:
    return [r for r in range(team.size) if r != team.rank and (seen[r] & seen[team.rank]).any()]


if __name__ == "__main__":
    with Team() as team:
        seen, held = scene(team)
        want = held[:, team.rank].copy()
        for k, p in np.ndindex(2, N):
            if seen[team.rank, p]:
                want[k, p] = sum((held[k, r, p] for r in range(team.size) if seen[r, p]), 0j)
        for device in (Cpu("double", 1), Cpu("double", 1, text="")):
            assert np.array_equal(summed(device, team, seen, held), want)
        options = SimpleNamespace(device="cuda", precision="double", threads=1, transport=sys.argv[1])
        card = open_device(options, team, lambda text: None)
        for _ in range(2):
            assert np.array_equal(summed(card, team, seen, held), want)
        about = Edges(team, card, {}).about
        if team.root:
            print(f"added up by {team.size} ranks{about}")
