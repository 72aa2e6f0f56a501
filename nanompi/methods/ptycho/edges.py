"""The sum, at the edges of the ranks' regions, of an array like the object.

Ranks whose frames see the same pixels give each other their sums there, and each adds them up in the order of
the ranks, so that all have the same bits. On a card one kernel gathers for all neighbours, one adds up, and
what they give and take passes the host's memory while the card computes, or goes from card to card by NCCL
where that is the transport of sums.
"""

import numpy as np

from nanompi.device.mirror import Mirror
from nanompi.mpi.halo import HaloExchange


class Edges:
    """What this rank exchanges with others. Collective.

    peers : {rank: (n,) int64, the pixels of this rank's flat array which that one sees too, in the same order
        on both}
    bytes : given each time; about : how, for the log, where it is not by MPI as a matter of course
    under_way : the sum whose exchange has begun, and not ended
    errands : what else is to be begun when the device has come so far that the next exchange starts
    """

    def __init__(self, team, device, peers: dict[int, np.ndarray]):
        self.device, none = device, np.empty(0, np.int64)
        peers = dict(sorted(peers.items()))
        ends = dict(zip(peers, np.cumsum([len(at) for at in peers.values()], dtype=np.int64)))
        where = np.concatenate([none, *peers.values()])
        parts = {r: slice(int(ends[r]) - len(at), int(ends[r])) for r, at in peers.items()}
        by_card, self.about = _by_card(team, parts)
        self.give, self.take, self.exchange = by_card or _by_host(team, device, parts)
        self.under_way, self.errands = None, []
        self.bytes, self.where = self.exchange.bytes, device.array(where)
        shares = {r: (at, np.arange(parts[r].start, parts[r].stop)) for r, at in peers.items()}
        shares[team.rank] = _any_of(peers.values()), None
        self.pixels, self.first, self.source = map(device.array, _in_order(shares, team.rank))

    def gather(self, flat):
        """Start to bring what the others shall have to the host."""
        self.device.kernels.gather_halo(flat, self.where, self.give.here)
        self.give.leave()

    def add_up(self, flat):
        """flat is the sum where others see it too; what they gave is on its way to the device."""
        self.device.kernels.add_halo(flat, self.pixels, self.first, self.source, self.take.here)


def _by_card(team, parts) -> tuple[tuple | None, str]:
    """(the same as _by_host without it, or None; a few words for the log)"""
    mail, fault = team.transport.mail(team, parts)
    if fault:
        return None, f"; through the host's memory (nccl: {fault})"
    return mail, "; from card to card by NCCL" if mail else ""


def _by_host(team, device, parts: dict[int, slice]) -> tuple[Mirror, Mirror, HaloExchange]:
    """(what is given, what is taken, the messages) by MPI; parts : {rank: its part of both}"""
    n = max((f.stop for f in parts.values()), default=0)
    give, take = (device.mirror(n, device.complex) for _ in range(2))
    given, taken = ({r: m.host[f] for r, f in parts.items()} for m in (give, take))
    return give, take, HaloExchange(team, given, taken)


def _any_of(shares) -> np.ndarray:
    """The pixels of all shares in their order, each once; `np.unique` would sort them first"""
    seen = np.zeros(max((int(at.max()) + 1 for at in shares), default=0), bool)
    for at in shares:
        seen[at] = True
    return np.flatnonzero(seen)


def _in_order(shares: dict, own: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(pixels, first, source) of kernels.halo.

    shares : {rank: (its pixels, their places in what is taken)}; of `own` all pixels that others see
    """
    pixels = shares[own][0]
    at = np.concatenate([np.searchsorted(pixels, shares[r][0]) for r in sorted(shares)])
    source = np.concatenate([np.full(len(pixels), -1) if r == own else shares[r][1] for r in sorted(shares)])
    first = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=len(pixels)))])
    return pixels, first.astype(np.int32), source[np.argsort(at, kind="stable")].astype(np.int32)


class EdgeSum:
    """One such sum of an array like the object, see `nanompi.methods.ptycho.share.Sum`.

    The exchange starts when the frames at the border are added, and ends at the close. One is under way at a
    time: a second one first ends the first.

    border : frames that see pixels of others; frames : added so far
    begun, sent, arrived, ended : how far it is
    """

    def __init__(self, edges: Edges, num, border: int):
        self.edges, self.flat, self.border, self.frames = edges, num.reshape(-1), border, 0
        self.begun = self.sent = self.arrived = self.ended = False

    def add(self, block):
        """The frames of this block will add no more to num: what other ranks wait for may go to them now."""
        self.frames += len(block)
        if self.edges.under_way:
            self.edges.under_way.go_on()
        elif self.frames >= self.border and not self.begun:
            self.begin()

    def close(self):
        """num becomes its sum over all ranks, wherever this rank's frames see the object (collective)."""
        if not self.begun:
            self.begin()
        self.end()

    def begin(self):
        if self.edges.under_way:
            self.edges.under_way.end()
        self.edges.gather(self.flat)
        self.edges.under_way, self.begun = self, True
        self.go_on()

    def go_on(self):
        """MPI may move nothing while nobody asks, and a card does not say when its copy is there."""
        if not self.sent and self.edges.give.left:
            self.send()
        elif self.sent and not self.arrived and self.edges.exchange.poll():
            self.arrive()

    def send(self):
        while self.edges.errands:
            self.edges.errands.pop()()
        self.edges.exchange.start()
        self.sent = True

    def arrive(self):
        self.edges.exchange.wait()
        self.edges.take.enter()
        self.arrived = True

    def end(self):
        """num is the sum."""
        if self.ended:
            return
        if not self.sent:
            self.edges.give.wait()  # for the card, which is no time of the sum
            self.send()
        if not self.arrived:
            self.arrive()
        self.edges.add_up(self.flat)
        self.edges.under_way, self.ended = None, True
