"""Arrays over the frames of a rank that may exceed the card: its first rows on the card, all others in pinned
memory of the host, brought in and taken back by blocks while the card computes.

Three streams: in, compute, out. Three slots of one block each: while block i is computed in one, block i + 1
comes into another and block i - 1 leaves the third.
"""

import numpy as np

from nanompi.device.fit import SLOTS
from nanompi.device.staging import bring, send


class StreamedArray:
    """(n, ...) array; rows [0, held) are on the card, the others in pinned memory of the host.

    host  : None, or the (n, ...) array of the host that this is a copy of, and stays
    away  : rows [first, n) in pinned memory, or None where the card holds all; rows before `held` may be
            stale. Of `host` that is all of it: to pin more whenever rows make way would take longer.
    """

    def __init__(self, card, shape, dtype, held: int, host=None):
        self.on_card, self.away, self.first, self.held = None, None, 0, 0
        self.card, self.shape, self.dtype, self.host = card, tuple(shape), np.dtype(dtype), host
        self.hold(held)

    def __len__(self):
        return self.shape[0]

    @property
    def row(self) -> int:
        """Bytes of a row."""
        return int(np.prod(self.shape[1:])) * self.dtype.itemsize

    def hold(self, held: int):
        """Keep so many rows on the card; other rows than before are taken anew from `host`, where it is."""
        if self.on_card is not None and held == self.held:
            return
        self.make_way()
        self.held = held
        self.on_card = self.card.xp.empty((held, *self.shape[1:]), self.dtype)
        if held < len(self):
            self._pin_away()
        if self.host is not None and held:
            if self.away is None:
                bring(self.card, self.on_card, self.host[:held])
            else:
                send(self.card, self.on_card, self.away[:held])
        if held == len(self):
            self.away = None

    def _pin_away(self):
        """Pinned memory for the rows that the card does not hold"""
        if self.host is None:
            self.away = self.card.pinned((len(self) - self.held, *self.shape[1:]), self.dtype)
            self.first = self.held
        elif self.away is None:
            self.away = self.card.pin(self.host[:])

    def make_way(self):
        """Give the memory of the card back, until `hold`: at once, since any small array that is made next
        would be a piece of it, and keep all of it from being given back."""
        if self.on_card is not None:
            self.held, self.on_card = 0, None
            self.card.release()

    def __del__(self):
        self.make_way()

    def far(self, f: slice) -> np.ndarray:
        """Rows [f.start, f.stop) in pinned memory; all of them are beside the card."""
        return self.away[f.start - self.first : f.stop - self.first]

    def get(self) -> np.ndarray:
        """The whole array, on the host, in memory of its own."""
        whole = self.take(slice(0, len(self)))
        return whole if self.held or not len(self) else whole.copy()

    def take(self, f: slice) -> np.ndarray:
        """Rows [f.start, f.stop), on the host."""
        self.card.wait()
        if f.stop <= self.held:
            return self.on_card[f].get()
        far = self.far(slice(max(f.start, self.held), f.stop))
        return np.concatenate([self.on_card[f.start : self.held].get(), far]) if f.start < self.held else far

    def pick(self, where: np.ndarray):
        """Rows at some places, in a new array on the card; where : (k,) their places."""
        self.card.wait()
        xp, near = self.card.xp, where < self.held
        if near.all():
            return self.on_card[xp.asarray(where)]
        out = xp.empty((len(where), *self.shape[1:]), self.dtype)
        out[xp.asarray(np.flatnonzero(near))] = self.on_card[xp.asarray(where[near])]
        out[xp.asarray(np.flatnonzero(~near))] = xp.asarray(self.away[where[~near] - self.first])
        return out

    def put(self, where: np.ndarray, rows: np.ndarray):
        """Write rows of the host; where : (k,) their places."""
        self.card.wait()
        near = where < self.held
        if near.any():
            xp = self.card.xp
            self.on_card[xp.asarray(where[near])] = xp.asarray(rows[near].astype(self.dtype, copy=False))
        if not near.all():
            self.away[where[~near] - self.first] = rows[~near]
        self.card.wait()


def cuts(n: int, step: int, held, whole: bool = False) -> list[slice]:
    """Blocks of at most `step` rows which lie wholly on the card or wholly beside it, for every array.

    whole : the rows that the card holds of all arrays are one block, however many
    """
    ends, out, start = sorted({h for h in held if 0 < h < n} | {n}), [], 0
    if whole and min(held):
        out, start = [slice(0, min(held))], min(held)
    for end in ends:
        out += [slice(i, min(i + step, end)) for i in range(start, end, step)]
        start = end
    return out


class Ferry:
    """Brings blocks of rows onto the card and takes them back; the slots are kept between passes."""

    def __init__(self, card):
        cuda = card.xp.cuda
        self.card, self.compute = card, card.compute
        self.inward, self.outward = cuda.Stream(non_blocking=True), cuda.Stream(non_blocking=True)
        self.slots, self.event = {}, lambda: cuda.Event(disable_timing=True)

    def clear(self):
        """Give the memory of the slots back."""
        self.card.wait()
        self.slots.clear()

    def blocks(self, n, step, arrays, read, write, whole):
        """(slice, {name: rows on the card}) for all n rows; see `Cuda.stream`."""
        pieces = cuts(n, step, [min(a.held, n) for a in arrays.values()], whole)
        free, arrived = [None] * SLOTS, [None] * SLOTS
        gone = self.outward.record(self.event())  # of an earlier pass: what it wrote is whole on the host,
        self.inward.wait_event(gone)
        self.compute.wait_event(gone)
        self.inward.wait_event(self.compute.record(self.event()))  # and nobody reads its slots any more
        self.fetch(0, pieces, step, arrays, read, free, arrived)
        for i, f in enumerate(pieces):
            self.fetch(i + 1, pieces, step, arrays, read, free, arrived)
            for ready in (arrived[i % SLOTS], free[i % SLOTS]):
                if ready:
                    self.compute.wait_event(ready)
            yield f, {name: self.here(i, f, step, a, name) for name, a in arrays.items()}
            self.leave(i, f, step, {name: arrays[name] for name in write}, free)

    def here(self, i, f, step, a, name):
        """Rows f of an array on the card: its own, or those in the slot of block i."""
        return a.on_card[f] if f.stop <= a.held else self.slot(i, step, a, name)[: f.stop - f.start]

    def slot(self, i, step, a, name):
        """The rows of block i in an array of the card, allocated once."""
        key, shape = (i % SLOTS, name), (step, *a.shape[1:])
        kept = self.slots.get(key)
        if kept is None or kept.shape != shape or kept.dtype != a.dtype:
            self.card.wait()
            self.slots.pop(key, None)
            self.slots[key] = self.card.xp.empty(shape, a.dtype)
        return self.slots[key]

    def fetch(self, i, pieces, step, arrays, read, free, arrived):
        """Start to bring the rows of block i into its slot, when block i - 3 has left it."""
        if i >= len(pieces):
            return
        f, arrived[i % SLOTS] = pieces[i], None
        into = {name: self.slot(i, step, arrays[name], name) for name in read if f.stop > arrays[name].held}
        if into and free[i % SLOTS]:
            self.inward.wait_event(free[i % SLOTS])
        for name, rows in into.items():
            self.card.copy(rows, arrays[name].far(f), self.inward, inward=True)
        arrived[i % SLOTS] = self.inward.record(self.event()) if into else None

    def leave(self, i, f, step, arrays, free):
        """Start to take the written rows of block i back to the host."""
        done = free[i % SLOTS] = self.compute.record(self.event())
        away = {name: a for name, a in arrays.items() if f.stop > a.held}
        if away:
            self.outward.wait_event(done)
        for name, a in away.items():
            self.card.copy(self.slot(i, step, a, name), a.far(f), self.outward, inward=False)
        if away:
            free[i % SLOTS] = self.outward.record(self.event())
