"""Who holds which part of the object, and how the sums over the frames of all ranks meet.

Whole   : every rank holds all of it; sums by Allreduce. The reference.
Regions : every rank holds the box around its own frames; ranks whose frames see the same pixels send each
    other their sums there, and add them up in the order of the ranks, so that all have the same bits. The
    weights sum |P|^2 follow from probe and positions and are not sent.

With compact parts the bytes sent by a rank follow the border of its part instead of the size of the object
(the idea of exchanging overlaps: Wang et al., doi:10.48550/arXiv.2205.06327).
"""

from collections.abc import Callable

import numpy as np

from nanompi import units
from nanompi.methods.ptycho.coarse import cells, laid
from nanompi.methods.ptycho.coverage import touched
from nanompi.methods.ptycho.edges import Edges, EdgeSum

LITTLE = 0.5  # overlap where a rank sends at most this part of what it would give to an Allreduce


class Sum:
    """An array like the object that becomes its sum over all ranks:

    whole = share.open(num)
    for block in ...:   # which adds to num
        whole.add(block)
    whole.close()       # num is the sum (collective)
    """

    def __init__(self, share: "Whole", num):
        self.share, self.num = share, num

    def add(self, block):
        """The frames of this block will add no more to num: what other ranks wait for may go to them now."""

    def close(self):
        """num becomes its sum over all ranks, wherever this rank's frames see the object (collective)."""
        self.share.team.sum(self.num)


class Largest:
    """The largest value of an array over the object, on which the ranks agree while they compute.

    Called for the value, it waits for them; `begin` at the latest then. mirror : (1,) of the device
    """

    def __init__(self, team, mirror, a):
        self.team, self.mirror, self.end = team, mirror, None
        mirror.here[...] = a.max()
        mirror.leave()

    def begin(self):
        if not self.end:
            self.mirror.wait()
            self.end = self.team.begin_max(self.mirror.host)

    def __call__(self):
        self.begin()
        self.end()
        return self.mirror.host[0]


class Whole:
    """The whole object on every rank.

    shape : of the object array that this rank holds; at : (n, 3) int32, this rank's frames in it
    out   : (N,) bool or None, frames that no sum counts; of each rank the last ones
    """

    way = "allreduce"

    def __init__(self, team, device, places, index, frame, out=None):
        self.team, self.device, self.shape, self.out = team, device, places.shape, out
        self.moved(places, index)
        self.alone = _cheaper_alone(team, len(self.everyone), len(self.counted), frame, self.shape)

    def moved(self, places, index):
        """The frames are at other places. index : (n,) global numbers of this rank's frames"""
        self.at, self.everyone = map(self.device.array, (places.at[index], _used(places.at, self.out)))
        self.counted = self.at[: used(index, self.out)]

    def open(self, num) -> "Sum":
        """The sum of an array like the object, over the frames of all ranks."""
        return Sum(self, num)

    def weights(self, P2):
        """sum_j P2_s(r - r_j) over the frames of all ranks; P2 : (S, h, w) real. (H, W) real.

        Each rank sums all frames by itself where that is cheaper than to send the array.
        """
        den = self.device.xp.zeros(self.shape, P2.dtype)
        at = self.everyone if self.alone else self.counted
        self.device.by_rows(self.device.kernels.object_weights, P2, at, den)
        if not self.alone:
            self.team.sum(den)
        return den

    def largest(self, a) -> float:
        """The largest value of a real array over the object, of the device's precision."""
        return self.begin_largest(a)()

    def begin_largest(self, a) -> Callable:
        """`largest` in two halves: a function that gives it, to be called before another one is begun."""
        top = a.max()
        return lambda: top

    def inner(self, a, w, b, c) -> np.ndarray:
        """Re <a, w b> and Re <a, w c> over the object."""
        return self.device.total([self.device.kernels.inner(a, w, b, c)])

    def on_root(self, a, unseen=0) -> np.ndarray | None:
        """The array over the whole object, on the host of rank 0; None elsewhere.

        unseen : what stands where no rank holds anything, a number or (H, W)
        """
        return self.device.host(a) if self.team.root else None

    def means(self, O, weight, step: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Object and weight, averaged over squares of step x step pixels, on rank 0 (`coarse.laid`); None
        elsewhere."""
        if not self.team.root:
            return None
        host = self.device.host
        return laid([cells(host(O), host(weight), (0, 0), step)], self.shape, step)

    def part(self, whole: np.ndarray) -> np.ndarray:
        """The part of an array over the whole object that this rank holds."""
        return whole


class Regions:
    """Every rank holds the box around its frames. Verbs as in `Whole`; collective are all but open, weights,
    part.

    peers : {rank: pixels that both see}
    seen, own : (H, W) bool, pixels that own frames see, and those which no lower rank sees; where frames may
        move (`Places.reach`) what they may come to see, so that no exchange changes when they do
    room  : (2,) shape of what a frame may come to see; neighbours : numbers of the frames that may see this
        box
    border: frames [0, border) of this rank see pixels of others; an exchange starts when these are added
    out   : as `Whole` has it
    edges : what is exchanged; top : where `largest` meets
    """

    way = "overlap"

    def __init__(self, team, device, places, index, frame, out=None):
        self.team, self.device, self.full, self.frame = team, device, places.shape, frame
        parts = team.allgather(np.asarray(index))
        corners, self.room = places.room(frame)
        own = corners[parts[team.rank]]
        self.corner, end = own.min(0), own.max(0) + self.room
        self.shape = tuple(int(n) for n in end - self.corner)
        own = own - self.corner
        mine = touched(own, self.room, self.shape)
        shared = {r: self._shared(mine, corners[p]) for r, p in enumerate(parts) if r != team.rank}
        shared = {r: m for r, m in shared.items() if m is not None and m.any()}
        self.border = self._last(shared, own[: used(index, out)])
        seen = _meets(corners - self.corner, self.room, self.shape)
        self.neighbours, self.out = np.flatnonzero(seen if out is None else seen & ~out), out
        self.moved(places, index)
        lower = [m for r, m in shared.items() if r < team.rank]
        first = mine & ~np.logical_or.reduce(lower) if lower else mine
        self.seen, self.own = device.array(mine), device.array(first)
        self.edges = Edges(team, device, {r: np.flatnonzero(m) for r, m in shared.items()})
        self.peers = {r: int(m.sum()) for r, m in shared.items()}
        self.top = device.mirror(1, device.real)

    def _shared(self, mine, at):
        """Pixels which this rank and another one see, or None"""
        near = _meets(at - self.corner, self.room, self.shape)
        return mine & touched(at[near] - self.corner, self.room, self.shape) if near.any() else None

    def _last(self, shared, at) -> int:
        """One more than the last frame of this rank that sees a pixel of another rank"""
        others = np.logical_or.reduce([np.zeros(self.shape, bool), *shared.values()])
        total = np.pad(others.cumsum(0, dtype=np.int64).cumsum(1), ((1, 0), (1, 0)))
        (y, x), (h, w) = at.T, self.room
        count = total[y + h, x + w] - total[y, x + w] - total[y + h, x] + total[y, x]
        return int(np.flatnonzero(count)[-1]) + 1 if count.any() else 0

    def moved(self, places, index):
        """The frames are at other places, within their reach; those of all ranks that may see this box are
        known in it, widened by a frame each side. index : (n,) global numbers of this rank's frames"""
        corner = [*self.corner, 0]
        near = places.at[self.neighbours] - corner + [*self.frame, 0]
        self.at = self.device.array(places.at[index] - corner, np.int32)
        self.near = self.device.array(near, np.int32)

    def open(self, num) -> EdgeSum:
        """The sum of an array like the object, over the frames of all ranks."""
        return EdgeSum(self.edges, num, self.border)

    def weights(self, P2):
        """The same where own frames look, 0 elsewhere; nothing is sent."""
        (H, W), (h, w) = self.shape, self.frame
        den = self.device.xp.zeros((H + 2 * h, W + 2 * w), P2.dtype)
        self.device.by_rows(self.device.kernels.object_weights, P2, self.near, den)
        return den[h : h + H, w : w + W] * self.seen

    def largest(self, a):
        return self.begin_largest(a)()

    def begin_largest(self, a) -> Largest:
        found = Largest(self.team, self.top, a)
        self.edges.errands.append(found.begin)
        return found

    def inner(self, a, w, b, c) -> np.ndarray:
        return self.team.total(*self.device.total([self.device.kernels.inner(a, w * self.own, b, c)]))

    def on_root(self, a, unseen=0) -> np.ndarray | None:
        host, own = self.device.host(a), self.device.host(self.own)
        if not self.team.root:
            for part in (np.array([*self.corner, *self.shape]), np.packbits(own), host[own]):
                self.team.wait(self.team.isend(part, 0))
            return None
        out = np.full(self.full, unseen, host.dtype)
        self._lay(out, (*self.corner, *self.shape), own, host[own])
        for r in range(1, self.team.size):
            box, bits, values = (self.team.recv(r) for _ in range(3))
            y, x, H, W = (int(n) for n in box.view(np.int64))
            own = np.unpackbits(bits, count=H * W).reshape(H, W).astype(bool)
            self._lay(out, (y, x, H, W), own, values.view(host.dtype))
        return out

    def means(self, O, weight, step: int) -> tuple[np.ndarray, np.ndarray] | None:
        host = self.device.host
        own = cells(host(O), host(weight) * host(self.own), self.corner, step)
        parts = self.team.gather(own)
        return laid(parts, self.full, step) if self.team.root else None

    def _lay(self, out, box, own, values):
        y, x, H, W = box
        out[y : y + H, x : x + W][own] = values

    def part(self, whole: np.ndarray) -> np.ndarray:
        (y, x), (H, W) = self.corner, self.shape
        return whole[y : y + H, x : x + W]


def open_share(how: str, team, device, places, index, frame, out=None) -> tuple[Whole | Regions, str]:
    """(how the ranks share the object, a line for the log) (collective).

    how : "allreduce", "overlap", or "auto": the ranks exchange only what they share where that is much less
    index, out : frames of this rank, and which of the scan are left out: they have places in the object, and
        stand behind the others of their rank
    """
    if how == "allreduce" or team.size == 1:
        about = "object sums: Allreduce" * (team.size > 1)
        return Whole(team, device, places, index, frame, out), about
    share = Regions(team, device, places, index, frame, out)
    bands, neighbours = team.max(share.edges.bytes), team.max(len(share.peers))
    whole_bytes = int(np.prod(places.shape)) * np.dtype(device.complex).itemsize
    whole, sent = units.show(whole_bytes, "B"), units.show(bands, "B")
    if how == "auto" and bands > LITTLE * whole_bytes:
        about = f"object sums: Allreduce of {whole} (exchanging only overlaps would still be {sent})"
        return Whole(team, device, places, index, frame, out), about
    others = f"at most {neighbours} other rank{'s' * (neighbours > 1)}"
    about = f"object sums: exchange of overlaps, {sent} with {others} (an Allreduce would be {whole})"
    return share, about + share.edges.about


def used(index: np.ndarray, out: np.ndarray | None) -> int:
    """How many frames of a rank are not left out; they stand before those that are."""
    return len(index) if out is None else int((~out[index]).sum())


def _used(at, out):
    return at if out is None else at[~out]


def _meets(corners, frame, shape) -> np.ndarray:
    """Which frames at these corners see a pixel of an array of this shape: (n,) bool"""
    return ((corners + frame > 0) & (corners < shape)).all(1)


def _cheaper_alone(team, n_all, n_own, frame, shape, rate=8e9, link=4e8):
    """Is it cheaper to add |P|^2 of the other ranks' frames than to send the weights? Both in pixels/s."""
    return team.size == 1 or team.bcast((n_all - n_own) * np.prod(frame) / rate < np.prod(shape) / link)
