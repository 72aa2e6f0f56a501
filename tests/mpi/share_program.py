"""Run by mpirun: how the ranks share an object, with numbers that can be told beforehand."""

import numpy as np

from nanompi.device.cpu import Cpu
from nanompi.methods import discover
from nanompi.methods.ptycho.partition.bands import bands
from nanompi.methods.ptycho.positions import place
from nanompi.methods.ptycho.share import Regions, Whole, open_share
from nanompi.mpi.team import Team
from nanompi.step import METHODS

FRAME = (8, 12)


def scan(team, n):
    """Places of a random scan and its parts by k-means."""
    positions = np.random.default_rng(3).uniform(0, 60, (n, 2))
    places = place(positions, (1, 1), FRAME)
    return places, METHODS["partition"]["kmeans"]().split(positions, team.size)


def sums(team):
    """Both ways give the same sums, weights, largest values and products; ranks agree to the bit."""
    places, parts = scan(team, 300)
    device, own = Cpu("double", 1), parts[team.rank]
    whole, part = (open_share(how, team, device, places, own, FRAME)[0] for how in ("allreduce", "overlap"))
    rng = np.random.default_rng(team.rank)
    psi = rng.normal(size=(len(own), 1, *FRAME, 2)).view(complex)[..., 0]
    P = np.random.default_rng(9).normal(size=(1, 1, *FRAME, 2)).view(complex)[..., 0]
    want = np.zeros(whole.shape, complex)
    device.kernels.object_sums(psi, P, whole.at, want, 0, 1)
    whole.open(want).close()
    lit = whole.weights(np.ones((1, *FRAME))) > 0
    for early in (False, True):
        num = np.zeros(part.shape, complex)
        total = part.open(num)
        for f in (slice(0, 40), slice(40, None)):
            device.kernels.object_sums(psi[f], P, part.at[f], num, 0, 1)
            if early:
                total.add(part.at[f])
        total.close()
        assert abs(num - part.part(want))[part.seen].max() < 1e-12 * abs(want).max()
        back = part.on_root(num, unseen=7)
        assert (back is not None) == team.root
        if team.root:
            assert np.allclose(back[lit], want[lit]) and np.all(back[~lit] == 7)
    bits = np.ones(whole.shape, complex)
    part.part(bits)[part.seen] = num[part.seen]
    for other in team.allgather(bits):
        both = (other != 1) & (bits != 1)
        assert np.array_equal(other[both], bits[both])
    P2 = (abs(P) ** 2).sum(1)
    den, some = whole.weights(P2), part.weights(P2)
    assert np.allclose(some[part.seen], part.part(den)[part.seen], rtol=1e-13) and not some[~part.seen].any()
    assert abs(part.largest(some) / den.max() - 1) < 1e-13
    late = part.begin_largest(some), part.open(np.zeros(part.shape, complex))
    late[1].close()  # other messages in between
    assert late[0]() == part.largest(some)
    for a, b in zip(whole.inner(want, den, want, 1j - want), part.inner(num, some, num, 1j - num)):
        assert abs(a / b - 1) < 1e-12


def order(team):
    """Two sums under way at once, in either order, and one begun twice, are right."""
    places, parts = scan(team, 300)
    device, own = Cpu("double", 1), parts[team.rank]
    part = Regions(team, device, places, own, FRAME)
    count = part.weights(np.ones((1, *FRAME))).astype(complex)  # frames that see a pixel, of all ranks
    for first, second in ((0, 1), (1, 0)):
        nums = [np.zeros(part.shape, complex) for _ in range(2)]
        totals = [part.open(num) for num in nums]
        for num, total in zip(nums, totals):
            psi = np.ones((len(own), 1, *FRAME), complex)
            device.kernels.object_sums(psi, psi[:1], part.at, num, 0, 1)
            total.add(own)
        for k in (first, second):
            totals[k].close()
            assert np.array_equal(nums[k], count)


def bytes_sent(team):
    """10,000 positions: a rank sends what the bands say, less than a fifth of what Allreduce takes."""
    i = np.arange(10_000)
    r, angle = 14 * np.sqrt(i / np.pi), i * np.pi * (3 - np.sqrt(5))
    positions = np.stack([r * np.sin(angle), r * np.cos(angle)], 1)
    places, frame = place(positions, (1, 1), (128, 128)), (128, 128)
    parts = team.on_root(lambda: METHODS["partition"]["kmeans"]().split(positions, team.size))
    device = Cpu("single", 1)
    part, told = open_share("auto", team, device, places, parts[team.rank], frame)
    assert isinstance(part, Regions) and told.startswith("object sums: exchange of overlaps")
    before = team.clock.bytes.get("combine", 0)
    part.open(np.zeros(part.shape, np.complex64)).close()
    sent = team.clock.bytes["combine"] - before
    assert sent == part.edges.bytes == 8 * bands(places.at, parts, frame).sent[team.rank]
    whole, _ = open_share("allreduce", team, device, places, parts[team.rank], frame)
    before = team.clock.bytes["combine"]
    whole.open(np.zeros(whole.shape, np.complex64)).close()
    given = team.clock.bytes["combine"] - before
    assert isinstance(whole, Whole) and 5 * sent <= given == 8 * np.prod(places.shape)
    few = place(positions[:50], (1, 1), frame)
    own = np.array_split(i[:50], team.size)[team.rank]
    assert open_share("auto", team, device, few, own, frame)[1].startswith("object sums: Allreduce of")


if __name__ == "__main__":
    with Team() as team:
        discover()
        for check in (sums, order, *([bytes_sent] if team.size == 4 else [])):
            check(team)
        if team.root:
            print(f"shared by {team.size} ranks")
