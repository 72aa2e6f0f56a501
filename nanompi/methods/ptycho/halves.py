"""Two images of one scan, each of half of what was measured: what they have in common is what it resolves.

The noise of the halves is independent, the sample is the same, so their Fourier ring correlation (FRC) tells
how far details are known. Both start from the probe of the whole run and a flat object, and run its chain.

frames : of each pair of neighbours one frame goes to either half, so that both cover the scan. Two groups of
    ranks make one image each, side by side; a rank alone makes them one after the other. Each half then
    judges frames that it did not see, half of all.
counts : where half of the frames would hardly overlap, and in the near field, each count goes to one of the
    halves by chance (binomial thinning: halves of Poisson counts are independent). All ranks make one image
    after the other.

The FRC of halves falls to 1/7 where that of the whole image with the truth falls to 1/2 (C = 2 F / (1 + F)
with C^2 = 1/4 as in Rosenthal & Henderson, J. Mol. Biol. 333 (2003) 721); the half-bit curve of two half sets
is on the safe side of it.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from nanompi.data.redistribute import moved, routes
from nanompi.errors import NumbersError
from nanompi.methods.ptycho import vary
from nanompi.methods.ptycho.coverage import outside_in
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.overlap import overlap
from nanompi.methods.ptycho.positions import Places
from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.quality import per_frame
from nanompi.methods.ptycho.share import open_share
from nanompi.optics.align import align, well_lit
from nanompi.optics.frc import SEVENTH, Curve, crossing, frc
from nanompi.run.verdict import give
from nanompi.step import METHODS
from nanompi.units import show

SEED = 2
ENOUGH = 0.65  # overlap from which half of the frames overlap well: their steps are 1.4 times as long


@dataclass
class Halves:
    """What two halves tell (rank 0).

    way   : "frames" or "counts"; curve : their FRC; pixel : (2,) m of the object
    held, held_error : deviance of unseen frames over its expectation; NaN where there are none
    """

    way: str
    curve: Curve
    pixel: tuple[float, float]
    held: float = np.nan
    held_error: float = np.nan

    def resolution(self) -> dict[str, float]:
        """Half periods in m: where the FRC falls below 1/7 and below half a bit; the pixel where it never
        does."""
        ends = {"seventh": SEVENTH, "half_bit": self.curve.half_bit}
        return {name: 0.5 / (crossing(self.curve, y) or 0.5) * max(self.pixel) for name, y in ends.items()}

    def figures(self) -> dict[str, float | str]:
        """For the result, in m."""
        held = {"held": self.held, "held_error": self.held_error} if np.isfinite(self.held) else {}
        return {"halves": self.way, **self.resolution(), **held, "unit": "m"}

    def words(self) -> str:
        """For the log."""
        seventh, half_bit = (show(float(f"{v:.3g}"), "m") for v in self.resolution().values())
        out = (
            f"halves of the {self.way}: their images agree down to {seventh} (1/7), {half_bit} (half a bit); "
            f"half periods, a pixel is {show(float(f'{max(self.pixel):.3g}'), 'm')}"
        )
        if np.isfinite(self.held):
            out += f"; unseen frames of the other half: {self.held:.3f} +- {self.held_error:.3f}"
        return out


@dataclass
class Chain:
    """What each half does: engines, figures each so many iterations, how the ranks share the object, engines
    at half resolution before."""

    engines: list
    every: int
    share: str
    presolve: list = field(default_factory=list)


@dataclass
class Task:
    """One of the images. team : the ranks that make it; places : of its frames alone

    index : (n,) numbers of this rank's frames in `places`; rows, gain : their counts and gain, on the host
    """

    team: Any
    half: int
    places: Places
    index: np.ndarray
    rows: np.ndarray
    gain: np.ndarray


def compare_halves(run, p: Problem, chain: Chain, geometry) -> Halves | None:
    """Make both images and compare them (collective). On rank 0; None elsewhere, and where there is none.

    p : the problem after the chain, which stays as it is but for its waves: they are given up
    """
    p.waves = None
    half_of = None if by_counts(p, geometry) else apart(p)
    way = "counts" if half_of is None else "frames"
    run.say(f"halves: two images, each of half of the {way}, from the probe of the whole run")
    made, fault = images(run, p, chain, geometry, half_of)
    if fault:
        return not_made(run, fault)
    held = unseen(p, made, half_of) if way == "frames" and p.noise == "counts" else (np.nan, np.nan)
    weight = p.share.on_root(p.object_weights(p.shifts.library(p.P)))
    if not p.team.root:
        return None
    try:
        curve = correlation(made[0][0], made[1][0], weight, geometry.pixel)
    except ValueError as e:
        return not_made(run, str(e))
    out = Halves(way, curve, geometry.pixel, *held)
    run.say(out.words())
    return out


def not_made(run, why: str) -> None:
    """What was asked for is missing: the log, the result and its report say why."""
    run.say(f"halves: no FRC: {why}")
    give(run, "ptycho.frc", "doubtful", f"no resolution is known, since halves gave no FRC: {why}")


def by_counts(p, geometry) -> bool:
    """Would half of the frames hardly overlap, and can the counts be halved? (collective)"""
    enough = geometry.focus is None and overlap(p.device.host(p.P), p.places, geometry.pixel).part >= ENOUGH
    if enough or p.noise != "counts":
        return False
    frames = (p.device.take(p.I, slice(k, k + 1)) for k in range(len(p.at)))
    return p.team.all(all(np.array_equal(I, np.rint(I)) for I in frames))


def apart(p) -> np.ndarray:
    """(N,) 0 or 1, the half of each frame: of two neighbours along a curve through the scan one each; -1 for
    frames that no rank holds (collective)."""
    known = np.sort(np.concatenate(p.team.allgather(p.index)))
    order = known[np.argsort(p.places.along()[known], kind="stable")]
    first = np.random.default_rng(SEED).integers(2, size=(len(order) + 1) // 2)
    out = np.full(len(p.places.at), -1)
    out[order[::2]] = first
    out[order[1::2]] = 1 - first[: len(order) // 2]
    return out


# ---- who makes which image, and of what


def tasks(run, p, half_of):
    """The images in which this rank takes part, one after the other, each made when it is asked for."""
    if half_of is None:
        return (thinned(p, half) for half in (0, 1))
    if p.team.size == 1:
        return (chosen(p, half, half_of) for half in (0, 1))
    return iter([in_a_group(run, p, half_of)])


def thinned(p, half: int) -> Task:
    """All frames. Each count goes to one of the halves by chance, the same on any number of ranks."""
    rows = p.device.take(p.I, slice(0, len(p.at))).copy()
    for row, number in zip(rows, p.index):
        good = row > 0
        one = np.random.default_rng([SEED, number]).binomial(row[good].astype(int), 0.5)
        row[good] = row[good] - one if half else one
    return Task(p.team, half, p.places, p.index, rows, p.device.host(p.gain))


def chosen(p, half: int, half_of) -> Task:
    """The frames of a half, on a rank alone."""
    own = np.flatnonzero(half_of[p.index] == half)
    rows, gain = p.device.host(p.device.pick(p.I, own)), p.device.host(p.gain)[own]
    return Task(p.team, half, *numbered(p, half_of == half, p.index[own]), rows, gain)


def in_a_group(run, p, half_of) -> Task:
    """The frames of the half that this rank's group makes, which come from all ranks (collective)."""
    team, half = p.team.groups(2), p.team.rank * 2 // p.team.size
    if team.size > 1 and p.xp is not np:
        from nanompi.device.transport import choose

        choose(run.options.transport, p.device, team)
    team.count_in(p.clock)
    old, new = p.team.allgather(p.index), p.team.on_root(lambda: parts(run, p, half_of))
    ways, gain = routes(old, new, p.team.rank), p.device.host(p.gain)
    rows = moved(p.team, ways, partial(p.device.take, p.I), p.I.shape[1:], p.I.dtype)
    gain = moved(p.team, ways, lambda f: gain[f], (), gain.dtype)
    return Task(team, half, *numbered(p, half_of == half, new[p.team.rank]), rows, gain)


def parts(run, p, half_of) -> list[np.ndarray]:
    """Of each rank the numbers of its new frames: each half over the ranks of its group (rank 0)"""
    way, size, out = METHODS["partition"][run.data["frames"].split](), p.team.size, []
    for half in (0, 1):
        frames = np.flatnonzero(half_of == half)
        ranks = sum(rank * 2 // size == half for rank in range(size))
        positions = p.places.at[frames, :2].astype(float)
        split = way.split(positions, ranks)
        out += [frames[part] for part in (outside_in(positions, split) if ranks > 1 else split)]
    return out


def numbered(p, some, index) -> tuple[Places, np.ndarray]:
    """(places of some frames, where the object stays as large; numbers of frames among these)"""
    known = p.places
    return replace(known, at=known.at[some], corners=known.corners[some]), (np.cumsum(some) - 1)[index]


# ---- the images


def images(run, p, chain, geometry, half_of) -> tuple[list[tuple], str]:
    """([(object on rank 0, probe)] of both halves, what went wrong with one of them) (collective)"""
    own, fault = {}, ""
    for task in tasks(run, p, half_of):
        try:
            own[task.half] = image(run, p, chain, geometry, task)
        except NumbersError as e:  # by sums over the ranks of its team: on all of them
            fault = fault or f"one of them failed: {e}"
    faults = [text for text in p.team.allgather(fault) if text]
    if faults:
        return [], faults[0]
    return [together(p.team, own.get(half)) for half in (0, 1)], ""


def image(run, p, chain, geometry, task) -> tuple[np.ndarray | None, np.ndarray]:
    """(object on the first rank of a task's team, probe): the chain on its frames, from the probe of p and a
    flat object."""
    d, frames = p.device, run.data["frames"]
    own = replace(frames, values=task.rows, index=task.index, scale=None, parts=None)
    share, _ = open_share(chain.share, task.team, d, task.places, task.index, geometry.shape)
    q = Problem.of(task.team, d, own, task.places, vary.without(p.optics), share)
    q.gain = q.given = d.array(task.gain, d.real)  # with the flux that the whole run found
    q.background = p.background
    q.O = d.array(share.part(np.broadcast_to(1, task.places.shape)), d.complex)
    q.P = p.P * d.real(np.sqrt(q.counts / q.frames / (p.counts / p.frames)))
    if chain.presolve:
        from nanompi.methods.ptycho.presolve import presolve

        presolve(q, geometry, chain.presolve, chain.every, lambda text: None)
    run_chain(chain.engines, q, chain.every, lambda text: None)
    return q.whole(), d.host(q.P)


def together(team, made) -> tuple[np.ndarray | None, np.ndarray]:
    """(object on rank 0, probe on all ranks), of an image that is on the first rank that made it (collective)

    made : (object or None, probe) of a rank that took part, else None"""
    has = team.allgather(made is not None and made[0] is not None)
    source, O = has.index(True), made[0] if made else None
    P = team.allgather(made[1] if team.rank == source else None)[source]
    head = team.allgather((O.shape, O.dtype.str) if team.rank == source else None)[source]
    if source and team.rank == source:
        team.wait(team.isend(O, 0))
    if source and team.root:
        O = team.recv(source).view(head[1]).reshape(head[0])
    return O if team.root else None, P


def unseen(p, made, half_of) -> tuple[float, float]:
    """Deviance over its expectation of all frames by the image that did not see them, and its error
    (collective)."""
    d, kept, pairs = p.device, (p.O, p.P), []
    for half, (O, P) in enumerate(made):
        p.O, p.P = d.array(p.share.part(p.team.bcast_array(O)), d.complex), d.array(P, d.complex)
        other = half_of[p.index] == 1 - half
        pairs.append([values[other] for values in per_frame(p)])
    p.O, p.P = kept
    dev, expected = (np.concatenate(values) for values in zip(*pairs))
    total, norm = p.team.total(dev.sum(), expected.sum())
    held = total / norm
    spread = p.team.total(((dev - held * expected) ** 2).sum())[0]
    return float(held), float(np.sqrt(spread) / norm)


def correlation(one, two, weight, pixel) -> Curve:
    """The FRC of two images where the sample was lit well. Errors: ValueError where that is too small."""
    lit = well_lit(weight)
    if not lit.any():
        raise ValueError("no part of the sample is lit well")
    return frc(align(two, one, lit).image, one, lit, tuple(pixel))
