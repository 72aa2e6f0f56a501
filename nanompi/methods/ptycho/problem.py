"""What the engines work on: object, probe, frames of this rank, and the verbs in which they are written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from nanompi.methods.ptycho.background import for_engines
from nanompi.methods.ptycho.block import Block, LeftOut, PassSums
from nanompi.methods.ptycho.positions import Places, Shifts
from nanompi.methods.ptycho.scan import Frames
from nanompi.methods.ptycho.share import Whole, open_share, used


@dataclass
class Problem:
    """One reconstruction on this rank, made by `Problem.of`. Letters: see `nanompi.methods.ptycho`.

    O, P       : current object, as much of it as this rank holds (`share`), and probe, equal on all ranks
    places     : places of all frames of the scan
    at, I, gain: of this rank's frames; `at` are places in this rank's O; gain = given * flux. Rows of I
        behind them are those of frames left out.
    given, fluctuates : (n,) gain as prepared; is the flux of each frame looked for (`ptycho.flux`)?
    varies, varied : in how many shapes the probe differs from frame to frame; how (`ptycho.vary`), None = yet
        the same for all
    background : counts that lie in each good pixel of each frame and do not come through the object
    held       : `LeftOut`, the frames left out, or None
    share      : how the ranks share the object (nanompi.methods.ptycho.share)
    unseen     : the object where no frame looks, on rank 0: a number or (H, W), as at the start
    noise, fano: of I, as `ptycho.scan.Frames` has them; stored : units of the file that are one in I
    counts, bright : sum of all good counts of the scan, and sum of their squares over it
    index      : (n,) their global indices
    worked     : seconds that this rank has computed in the last iteration, without waiting and sums
    waves      : (n, M, h, w) complex: psi for the projection engines, F for ML. The large array of a run.
    refinement : nanompi.methods.ptycho.refine.Refinement, which moves the frames; None = they stay
    I and waves may exceed the memory of the device; they are reached through `blocks`.
    """

    team: Any
    device: Any
    optics: Any
    places: Places
    share: Any
    P: Any
    at: Any
    I: Any
    mask: Any
    gain: Any
    index: np.ndarray
    O: Any = None
    waves: Any = None
    iteration: int = 0
    worked: float = 0.0
    unseen: Any = 1
    noise: str = "counts"
    fano: float = 1.0
    stored: float = 1.0
    counts: float = 0.0
    bright: float = 0.0
    fluctuates: bool = False
    background: float = 0.0
    held: LeftOut | None = None
    varies: int = 0
    varied: Any = None
    refinement: Any = None
    state: dict = field(default_factory=dict)

    @classmethod
    def of(cls, team, device, frames: Frames, places: Places, optics, share=None, out=None) -> "Problem":
        """The problem of some prepared frames, without an object yet, and with a probe of zeros.

        Collective: the counts of the frames of all ranks are summed. share : as opened for these frames;
        None = each rank holds the whole object. out : (N,) bool, frames to be left out, or None; they are
        the last ones of each rank
        """
        d, shape, n = device, frames.counts.shape[1:], used(frames.index, out)
        share = share or Whole(team, d, places, frames.index, shape, out)
        scale = np.ones(len(frames.counts)) if frames.scale is None else frames.scale
        gain = d.array(scale * optics.gain, d.real)
        p = cls(
            team=team,
            device=d,
            optics=optics,
            places=places,
            share=share,
            P=d.array(np.zeros((1, *shape)), d.complex),
            at=share.at[:n],
            I=d.counts(frames.counts),
            mask=d.array(frames.mask, d.real),
            gain=gain[:n],
            index=frames.index[:n],
            held=None if out is None else LeftOut(share.at[n:], gain[n:], frames.index[n:], out),
            noise=frames.noise,
            fano=frames.fano,
            stored=frames.gain,
            background=frames.background,
        )
        p.counts, p.bright = p._measured()
        return p

    def __post_init__(self):
        d = self.device
        self.k, self.xp, self.clock = d.kernels, d.xp, self.team.clock
        self.shifts = Shifts(d, self.places.rests, self.P.shape[-2:])
        self.unit, self.given = d.real(self.optics.unit), self.gain

    @property
    def back(self):
        """The background as kernels take it."""
        return self.device.real(self.background)

    @property
    def back_fitted(self):
        """The same for engines, which look for object and probe with a prior (`ptycho.background`)."""
        return self.device.real(for_engines(self.background))

    @property
    def flux(self) -> np.ndarray:
        """(n,) float64 on the host, brightness of the beam in each frame relative to what was prepared."""
        gain, given = (np.asarray(self.device.host(a), np.float64) for a in (self.gain, self.given))
        return gain / np.where(given == 0, 1, given)

    def set_flux(self, flux: np.ndarray):
        """Another brightness of the beam in each frame of this rank. flux : (n,)"""
        d = self.device
        self.gain = d.array(self.given * d.array(flux, d.real), d.real)

    def _measured(self, blocks=None) -> tuple[float, float]:
        """Sum of all good counts I of these frames of all ranks, and sum I^2 / sum I: what a photon finds in
        its pixel."""
        good = (self.mask > 0).astype(self.mask.dtype)

        def sums(b):
            I = self.xp.maximum(b.I, 0) * good
            counts = I.sum(dtype=np.float64)
            I *= I
            return self.xp.stack([counts, I.sum(dtype=np.float64)])

        counts, squares = self.summed(sums, read=["I"], many=2, blocks=blocks)
        return float(counts), float(squares / max(counts, 1e-300))

    @property
    def frames(self) -> int:
        """How many frames of all ranks are not left out."""
        return len(self.places.at) - (int(self.held.out.sum()) if self.held else 0)

    @property
    def every(self) -> np.ndarray:
        """Global indices of all frames of this rank, in the order of the rows of `I`."""
        return np.concatenate([self.index, self.held.index]) if self.held else self.index

    @property
    def frame_bytes(self) -> int:
        """Bytes of the waves of one frame."""
        return self.P.size * self.P.dtype.itemsize

    def make_waves(self):
        """The large array, allocated once and handed from engine to engine."""
        shape = (len(self.at), *self.P.shape)
        if self.waves is None or self.waves.shape != shape:
            self.device.wait()
            self.waves = None  # the old one goes first
            self.waves = self.device.large(shape, self.P.dtype, self.I, self._beside())
        return self.waves

    def _beside(self) -> int:
        """Bytes of other arrays that an engine will make"""
        return 12 * self.O.nbytes + 6 * len(self.places.rests) * self.P.nbytes

    def take_in(self):
        """The frames left out are like all others from here, behind those of their rank (collective). For an
        engine that starts: the waves go, and the object is shared anew."""
        if self.held is None:
            return
        xp, held, (counts, bright) = self.xp, self.held, self._measured(self.left_out())
        squares = self.counts * self.bright + counts * bright
        self.counts += counts
        self.bright = squares / max(self.counts, 1e-300)
        self.index = self.every
        self.gain = xp.concatenate([self.gain, held.gain])
        self.given = xp.concatenate([self.given, held.given])
        self.held, self.waves = None, None
        self.state.pop("along", None)
        how = self.share.way, self.team, self.device, self.places, self.index, self.P.shape[-2:]
        at = xp.concatenate([self.at, held.at])
        self.share, _ = open_share(*how)
        self.at = self.share.at = at

    def move(self, places: Places):
        """The frames are at these places from now on, the same on all ranks; within `places.reach`."""
        self.places, n = places, len(self.at)
        self.share.moved(places, self.every)
        self.at, self.shifts = self.share.at[:n], Shifts(self.device, places.rests, self.P.shape[-2:])
        if self.held:
            self.held.at = self.share.at[n:]
        self.optics.moved(places.rests)

    def take_over(self, index: np.ndarray, move: Callable, keeps=()) -> np.ndarray:
        """Other frames for this rank, between two iterations (collective); their counts on the host. Frames
        left out stay, behind them.

        index : (n,) global indices; move(take, shape, dtype) -> (n, *shape) rows of these frames on the
            host; take, shape, dtype : as for `nanompi.data.redistribute.moved`
        keeps : names of arrays over the frames that move too; waves that do not are undefined afterwards
        Peak beside what stays: one array at a time is there twice, before and after; the whole object.
        """
        d, waves = self.device, self.waves is not None
        few = {name: d.host(getattr(self, name)) for name in ("given", "gain")}
        varied, then = self.varied and d.host(self.varied.c), len(self.at)
        d.wait()
        if "waves" not in keeps:
            self.waves = None
        kept = {name: self._gone_over(name, move) for name in keeps}  # one after the other
        stay = d.take(self.I, slice(len(self.at), len(self.I))).copy()
        I = self._gone_over("I", move)
        I = np.concatenate([I, stay]) if len(stay) else I
        for name, a in few.items():
            setattr(self, name, d.array(move(lambda f, a=a: a[f], (), a.dtype)))
        self.index, self.I = index, d.counts(I)
        O = self.team.bcast_array(self.whole())
        how = self.share.way, self.team, d, self.places, self.every, self.P.shape[-2:]
        self.share, _ = open_share(*how, self.held.out if self.held else None)
        self.O, self.at = d.array(self.share.part(O), d.complex), self.share.at[: len(index)]
        if self.held:
            self.held.at = self.share.at[len(index) :]
        if self.varied:
            moved = move(lambda f: varied[f], varied.shape[1:], varied.dtype)
            self.varied.settle(self, np.concatenate([moved, varied[then:]]))
        for name, rows in kept.items():
            setattr(self, name, d.adopt(rows, self.I, self._beside()))
        if waves:
            self.make_waves()
        return I

    def _gone_over(self, name, move):
        """Rows of the new frames in an array over the frames, on the host; the old array is given up"""
        a = getattr(self, name)
        rows = move(partial(self.device.take, a), a.shape[1:], a.dtype)
        setattr(self, name, None)
        return rows

    # ---- the frames of this rank, block by block

    def blocks(self, read=(), write=(), once: bool = False) -> Iterator[Block]:
        """This rank's frames in blocks whose waves stay in the shared cache.

        read, write : which of "I" and "waves" the caller reads, and which it changes
        once : a single kernel goes over each block, once; a card then gives all frames that it holds in one
        """
        arrays = {name: getattr(self, name) for name in dict.fromkeys([*read, *write])}
        step = self.device.frames_per_block(self.frame_bytes)
        for f, now in self.device.stream(len(self.at), step, arrays, read, write, once):
            yield Block(self.at[f], self.gain[f], self.given[f], **now, first=f.start)
            self.clock.tick()

    def left_out(self) -> Iterator[Block]:
        """The frames of this rank that are left out, in blocks: their I, at, gain."""
        start, count = len(self.at), len(self.held.at) if self.held else 0
        gain = self.held.gain if self.held else None
        step = self.device.frames_per_block(self.frame_bytes)
        for i in range(0, count, step):
            f = slice(i, min(i + step, count))
            I = self.device.pick(self.I, np.arange(start + f.start, start + f.stop))
            yield Block(self.held.at[f], gain[f], self.held.given[f], I)
            self.clock.tick()

    def batches(self, n: int) -> Iterator[Iterator[Block]]:
        """The frames of the scan in n batches, for engines with more than one update in an iteration.

        Every rank gets n batches (fewer where there are fewer frames), each of them its own frames of one in
        blocks: I, at, gain, and `waves` to write into, undefined, and gone with the next block. Of some
        batches a rank may hold no frame; it takes part in `join`, `sum` and `total` all the same. Along a
        curve through the scan each frame goes into the next batch, so that batches differ by at most one
        frame, lie evenly over the scan, and are the same, in the same order, on any number of ranks.
        """
        if n < 1:
            raise ValueError(f"p.batches({n}): 1 batch or more")
        if "along" not in self.state:  # of the frames that some rank holds
            known = np.sort(np.concatenate(self.team.allgather(self.index)))
            self.state["along"] = known, np.argsort(np.argsort(self.places.along()[known]))
        known, order = self.state["along"]
        n = min(n, len(known))
        batch = order[np.searchsorted(known, self.index)] % n
        for k in range(n):
            yield self._picked(np.flatnonzero(batch == k))

    def _picked(self, where: np.ndarray) -> Iterator[Block]:
        """Some frames of this rank in blocks, with waves to write into. where : (k,) their places"""
        step = self.device.frames_per_block(self.frame_bytes)
        for i in range(0, len(where), step):
            some = where[i : i + step]
            own = [self.device.pick(a, some) for a in (self.at, self.gain, self.given, self.I)]
            yield Block(*own, self.device.scratch((len(some), *self.P.shape), self.P.dtype, "batch"))
            self.clock.tick()

    def each(self, work: Callable, block: Block) -> list:
        """`work(part)` for parts of a block, on all threads; what they return, in the order of the frames."""
        return self.device.each(lambda f: work(block[f]), len(block), self.frame_bytes)

    def over(self, work: Callable, read=(), write=()) -> list:
        """`work(part)` for all frames of this rank; what they return, in the order of the frames."""
        return [out for block in self.blocks(read, write) for out in self.each(work, block)]

    def scratch(self, block: Block, slot: int = 0):
        """Waves of some frames to work in, of the calling thread."""
        return self.device.scratch((len(block), *self.P.shape), self.P.dtype, slot)

    def scratch_real(self, block: Block, arrays: int):
        """So many arrays of the shape of some frames to work in, of the calling thread."""
        return self.device.scratch((arrays, len(block), *self.P.shape[-2:]), self.device.real)

    def zeros(self, like, dtype=None):
        """Zeros in the shape of an array."""
        return self.xp.zeros(like.shape, dtype or like.dtype)

    def exit_waves(self):
        """psi = P O for all frames, into the large array"""
        self.make_waves()
        P = self.shifts.library(self.P)
        self.over(lambda b: self.k.exit_waves(self.O, P, b.at, b.waves), write=["waves"])

    def whole(self) -> np.ndarray | None:
        """The object over all ranks, (H, W) on the host of rank 0; None elsewhere (collective)."""
        return self.share.on_root(self.O, self.unseen)

    # ---- sums over all frames of all ranks

    def sums(self, many: int = 1) -> PassSums:
        """So many sums over all frames of all ranks; no list of them grows while the blocks go by."""
        frames = min(len(self.at), self.device.frames_per_block(self.frame_bytes))
        return PassSums(self, self.device.sums(many, frames, self.P.shape[-2:]))

    def summed(self, work: Callable, read=(), many: int = 1, blocks=None) -> np.ndarray:
        """What `work(part)` returns, so many numbers, over all frames of all ranks, or those of some blocks
        (collective)."""
        sums = self.sums(many)
        for block in self.blocks(read) if blocks is None else blocks:
            sums.each(work, block)
        return self.team.total(*sums.own.total())

    def total(self, sums: list) -> np.ndarray:
        """Numbers of this rank, or what kernels returned, added up over this list and all ranks."""
        return self.team.total(*self.device.total(sums))

    def sum(self, *arrays):
        """Each array becomes its sum over the ranks (collective)."""
        self.team.sum(*arrays)

    def join(self, num):
        """num, an array like O, becomes its sum over the ranks (collective). `share.open(num)` is the same
        in parts, so that ranks exchange what they share while they still compute."""
        self.share.open(num).close()

    def object_weights(self, P):
        """sum_j sum_m |P_m(r - r_j)|^2 over all frames of the scan, like O, real; P : (S, M, h, w).

        Where the probe varies, with the mean of |P|^2 over all frames: nobody knows the probes of the frames
        of others.
        """
        if self.varied:
            return self.share.weights(self.varied.powers(self))
        return self.share.weights(self._powers(P))

    def weights_of(self, P, at):
        """The same over these frames of all ranks, such as a batch (collective)."""
        den = self.zeros(self.O, self.device.real)
        if len(at):
            self.device.by_rows(self.k.object_weights, self._powers(P), at, den)
        den = den.astype(self.O.dtype)  # what ranks exchange is complex
        self.join(den)
        return self.xp.ascontiguousarray(den.real)

    def _powers(self, P):
        """(S, h, w) real, sum_m |P_m|^2"""
        out = self.xp.empty((len(P), *P.shape[-2:]), self.device.real)
        self.k.powers(P, out)
        return out

    def object_sums(self, psi, P, at, num):
        """num(r + r_j) += sum_m P_m* psi_jm for these frames; see kernels.overlap"""
        if len(at):
            self.device.by_rows(self.k.object_sums, psi, P, at, num)

    def probe_sums(self, psi, at, num, den):
        """num_s += O_j* psi_j, den_s += |O_j|^2 for these frames; a den of one is that of all shifts; see
        kernels.overlap"""
        if len(at):
            self.device.by_rows(self.k.probe_sums, psi, self.O, at, num, den)
