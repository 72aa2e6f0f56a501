"""NCCL: sums over ranks that have a card each, and messages between their cards, queued on streams."""

import threading

import numpy as np

from nanompi.device.mirror import Mirror
from nanompi.mpi.same_call import CHECK, compare
from nanompi.mpi.transport import Transport

LIMIT = 120.0  # seconds for all ranks to find each other and to add up once: normally below 10


class Nccl(Transport):
    """A transport (nanompi.device.transport), made by all ranks at once, with two keys. Where a network or a
    firewall is in the way they stand still for ever: see `start`.

    Messages have a communicator of their own: they begin when a rank is ready for them, and NCCL does what is
    asked of one communicator in the order in which it is asked, which must be the same on all ranks.
    card : the device. Errors: NcclError, a RuntimeError.
    """

    def __init__(self, card, team, keys):
        from cupy.cuda import nccl

        card.xp.cuda.Device(card.card).use()  # of this thread
        self.card, self.nccl = card, nccl
        self.all, self.pairs = (nccl.NcclCommunicator(team.size, key, team.rank) for key in keys)
        self.kind = {np.float32: nccl.NCCL_FLOAT32, np.float64: nccl.NCCL_FLOAT64}[card.real]

    def __call__(self, team, *arrays):
        self.card.compute.synchronize()  # what the card still computes is not time of the sum
        with team.summing(sum(a.nbytes for a in arrays)):
            self.queue(*arrays)

    def queue(self, *arrays):
        """Flat real arrays become their sums when the stream of compute comes to it."""
        for a in arrays:
            at, stream = a.data.ptr, self.card.compute.ptr
            self.all.allReduce(at, at, a.size, self.kind, self.nccl.NCCL_SUM, stream)

    def swap(self, give: dict, take: dict, stream):
        """Give flat real arrays to ranks, and take such from ranks, when a stream comes to it."""
        self.nccl.groupStart()
        for r, a in give.items():
            self.pairs.send(a.data.ptr, a.size, self.kind, r, stream.ptr)
        for r, a in take.items():
            self.pairs.recv(a.data.ptr, a.size, self.kind, r, stream.ptr)
        self.nccl.groupEnd()

    def mail(self, team, parts):
        """Between the cards, by a communicator of its own."""
        n = max((f.stop for f in parts.values()), default=0)
        give, take = (CardToCard(self.card, n) for _ in range(2))
        exchange = Exchange(self, team, parts, give.here, take.here)
        self.card.wait()
        _, fault = within(LIMIT, exchange.first)
        fault = next((f for f in team.allgather(fault) if f), "")
        return (None, fault) if fault else ((give, take, exchange), "")

    def abort(self):
        """Give up what was begun."""
        for comm in (self.all, self.pairs):
            comm.abort()


class CardToCard(Mirror):
    """A complex array of a card that other cards read and write on its stream for messages."""

    def __init__(self, card, n: int):
        self.card, self.here, self.host = card, card.xp.empty(n, card.complex), None
        self.event = card.xp.cuda.Event(disable_timing=True)

    def enter(self):
        self.card.compute.wait_event(self.card.mail.record(self.event))


class Exchange:
    """As nanompi.mpi.halo.HaloExchange, from card to card, queued on the stream for messages."""

    def __init__(self, nccl: Nccl, team, parts, give, take):
        self.nccl, self.card, self.team, self.bytes = nccl, nccl.card, team, give.nbytes
        self.given, self.taken = ({r: _real(a[f]) for r, f in parts.items()} for a in (give, take))
        self.event = self.card.xp.cuda.Event(disable_timing=True)

    def first(self):
        """NCCL opens the way between two cards with their first message: they wait for each other there."""
        self.card.xp.cuda.Device(self.card.card).use()  # of this thread
        self.nccl.swap(self.given, self.taken, self.card.mail)
        self.card.mail.synchronize()

    def start(self):
        """When the stream of compute has come so far"""
        if CHECK:
            compare(self.team, "exchange")
        self.card.mail.wait_event(self.card.compute.record(self.event))
        self.nccl.swap(self.given, self.taken, self.card.mail)
        self.card.mail.record(self.event)

    def poll(self) -> bool:
        return self.event.done

    def wait(self):
        """Nothing waits here but, behind `enter`, the card."""
        self.team.sent(self.bytes)


def _real(a):
    return a.view(a.real.dtype)


def start(card, team) -> tuple[Nccl | None, str]:
    """(NCCL between all ranks, "") or (None, why not), the same on all of them (collective)."""
    keys, fault = team.bcast(_keys() if team.root else None)
    if fault:
        return None, fault
    some = [card.xp.full(1000, team.rank, card.real) for _ in range(3)]
    card.wait()
    made, fault = within(LIMIT, lambda: _first(card, team, keys, some))
    faults = [f for f in team.allgather(fault) if f]
    if faults and made:
        made.abort()
    return (None, faults[0]) if faults else (made, "")


def _first(card, team, keys, some) -> Nccl:
    """The first sum and message: NCCL opens its channels with them, and until then nothing is sure."""
    made, (summed, given, taken) = Nccl(card, team, keys), some
    made.queue(summed)
    before = (team.rank - 1) % team.size
    made.swap({(team.rank + 1) % team.size: given}, {before: taken}, card.compute)
    card.compute.synchronize()
    if float(taken.get(card.compute)[-1]) != before:
        raise RuntimeError("its messages bring wrong numbers")
    return made


def _keys() -> tuple:
    """(two keys by which the ranks find each other, "") or (None, why there are none)"""
    try:
        from cupy.cuda import nccl

        return [nccl.get_unique_id() for _ in range(2)], ""
    except Exception as e:  # a library that is half there may raise anything
        return None, str(e) or type(e).__name__


def within(seconds: float, work) -> tuple:
    """(what work() gives, "") or (None, why not). Work that stands still is left behind in its thread.

    CuPy 14 lets other threads of Python run while NCCL starts.
    """
    out = []

    def run():
        try:
            out.append((work(), ""))
        except Exception as e:
            out.append((None, str(e) or type(e).__name__))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return out[0] if out else (None, f"it did not start within {seconds:.0f} s")
