"""NCCL: sums over ranks that have a card each, queued on the stream of compute."""

import threading

import numpy as np

LIMIT = 120.0  # seconds for all ranks to find each other and to add up once: normally below 10


class Nccl:
    """A transport (nanompi.device.transport), made by all ranks at once, with one key. Where a network or a
    firewall is in the way they stand still for ever: see `start`.

    card : the device. Errors: NcclError, a RuntimeError.
    """

    def __init__(self, card, team, key):
        from cupy.cuda import nccl

        card.xp.cuda.Device(card.card).use()  # of this thread
        self.card, self.comm, self.op = card, nccl.NcclCommunicator(team.size, key, team.rank), nccl.NCCL_SUM
        self.kind = {np.float32: nccl.NCCL_FLOAT32, np.float64: nccl.NCCL_FLOAT64}[card.real]

    def __call__(self, team, *arrays):
        self.card.wait()
        with team.summing(sum(a.nbytes for a in arrays)):
            self.queue(*arrays)

    def queue(self, *arrays):
        """Flat real arrays become their sums when the stream of compute comes to it."""
        for a in arrays:
            self.comm.allReduce(a.data.ptr, a.data.ptr, a.size, self.kind, self.op, self.card.compute.ptr)


def start(card, team) -> tuple[Nccl | None, str]:
    """(NCCL between all ranks, "") or (None, why not), the same on all of them (collective)."""
    key, fault = team.bcast(_key() if team.root else None)
    if fault:
        return None, fault
    some = card.xp.ones(1000, card.real)
    card.wait()
    made, fault = within(LIMIT, lambda: _first_sum(card, team, key, some))
    faults = [f for f in team.allgather(fault) if f]
    if faults and made:
        made.comm.abort()
    return (None, faults[0]) if faults else (made, "")


def _first_sum(card, team, key, some) -> Nccl:
    """NCCL opens its channels with the first sum: until then nothing is sure."""
    made = Nccl(card, team, key)
    made.queue(some)
    card.compute.synchronize()
    return made


def _key() -> tuple:
    """(what the ranks find each other by, "") or (None, why there is none)"""
    try:
        from cupy.cuda import nccl

        return nccl.get_unique_id(), ""
    except Exception as e:  # a library that is half there may raise anything
        return None, str(e) or type(e).__name__


def within(seconds: float, work) -> tuple:
    """(what work() gives, "") or (None, why not). Work that stands still is left behind in its thread."""
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
