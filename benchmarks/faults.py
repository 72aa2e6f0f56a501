"""What can be wrong with a scan: changes of a scene (`scenes.Scene`), each with what a good program says.

scene = wrong("late", 7)      # scan 7 with the fault; "good" = none
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scenes import Scene, draw, make


@dataclass(frozen=True)
class Fault:
    """cause : texts of which one names it, in the reason or in the line to paste

    change : (scene, rng) -> scene; made : what is drawn otherwise
    """

    cause: tuple[str, ...]
    change: Callable = lambda scene, rng: scene
    made: dict[str, Any] = field(default_factory=dict)


def wrong(name: str, seed: int, **given) -> Scene:
    """Scan `seed`, drawn but for what is given, with a fault of `FAULTS`."""
    fault = FAULTS[name]
    return fault.change(make(draw(seed, **(fault.made | given))), np.random.default_rng([seed, 99]))


def turned(number: int) -> Callable:
    """Frames as stored in another orientation: 4 transposed + 2 up-down + 1 left-right"""

    def change(scene, rng):
        a = scene.counts
        a = a.transpose(0, 2, 1) if number & 4 else a
        a = np.roll(a[:, ::-1], 1, 1) if number & 2 else a
        a = np.roll(a[:, :, ::-1], 1, 2) if number & 1 else a
        return replace(scene, counts=np.ascontiguousarray(a))

    return change


def moved(work: Callable) -> Callable:
    """Positions told wrongly: work(corners about their middle, rng)"""

    def change(scene, rng):
        middle = scene.corners.mean(0)
        return replace(scene, corners=work(scene.corners - middle, rng) + middle)

    return change


def counted(work: Callable) -> Callable:
    """Frames measured wrongly: work(counts, rng) of the same dtype, cut where that ends"""

    def change(scene, rng):
        counts, kind = work(scene.counts.astype(float), rng), scene.counts.dtype
        if counts.max() > np.iinfo(kind).max:
            kind = np.uint32
        return replace(scene, counts=counts.astype(kind))

    return change


def told(**factors: float) -> Callable:
    """Distance or wavelength told wrongly, by a factor"""
    return lambda scene, rng: replace(scene, **{k: getattr(scene, k) * f for k, f in factors.items()})


def rotated(degrees: float) -> Callable:
    a = np.deg2rad(degrees)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return moved(lambda c, rng: c @ turn)


def late(frames: int) -> Callable:
    """Each frame stands where the one so many before it was measured"""
    return lambda scene, rng: replace(scene, counts=np.roll(scene.counts, frames, 0))


def jitter(px: float) -> Callable:
    return moved(lambda c, rng: c + rng.normal(0, px, c.shape))


def empty(I, rng):
    """One in twenty is dark: a shutter"""
    return I * (rng.permutation(len(I)) >= len(I) / 20)[:, None, None]


def hot(I, rng):
    """Three pixels that count much, and a dead column"""
    out, n = I.copy(), I.shape[1]
    for _ in range(3):
        out[:, rng.integers(n), rng.integers(n)] = np.rint(rng.uniform(0.3, 2) * I.max())
    out[:, :, rng.integers(n)] = 0
    return out


def thinned(per_frame: float) -> Callable:
    """So few counts a frame"""
    return counted(lambda I, rng: rng.binomial(I.astype(int), min(1, per_frame / I.sum((1, 2)).mean())))


def weaker(low: float) -> Callable:
    """The flux of each frame between `low` and all"""
    return counted(lambda I, rng: rng.binomial(I.astype(int), rng.uniform(low, 1, (len(I), 1, 1))))


def added(counts: float) -> Callable:
    return counted(lambda I, rng: I + rng.poisson(counts, I.shape))


def off_centre(I, rng):
    return np.roll(I, (5, -3), (1, 2))


def saturated(I, rng):
    return np.minimum(I, np.percentile(I, 99.5).round())


def with_nan(scene, rng):
    counts = scene.counts.astype(np.float32)
    counts[:, scene.made.n // 9] = np.nan
    return replace(scene, counts=counts)


def lost(scene, rng):
    """Ten frames fewer than positions"""
    return replace(scene, counts=scene.counts[:-10])


ORIENTATION = ("orientation:",)
SCALE = ("distance:", "turned or stretched")
TURNED = ("rotate:", "turned or stretched")
AXES = ("stretch:", "turned or stretched")

FAULTS = {
    "good": Fault(()),
    "transposed": Fault(ORIENTATION, turned(4)),
    "flipped": Fault(ORIENTATION, turned(2)),
    "twin": Fault(ORIENTATION, turned(3)),
    "swapped": Fault(ORIENTATION, moved(lambda c, rng: c[:, ::-1])),
    "mirrored": Fault(ORIENTATION, moved(lambda c, rng: c * [1, -1])),
    "distance+20": Fault(SCALE, told(distance=1.2)),
    "distance-20": Fault(SCALE, told(distance=0.8)),
    "distance+6": Fault(SCALE, told(distance=1.06)),
    "energy+25": Fault(SCALE, told(wavelength=0.8)),
    "late": Fault(("late by",), late(1)),
    "early": Fault(("early by",), late(-1)),
    "1 px": Fault(("positions: true",), jitter(1)),
    "3 px": Fault(("positions: true",), jitter(3)),
    "rotated 5": Fault(TURNED, rotated(5)),
    "rotated 2": Fault(TURNED, rotated(-2)),
    "axis 5 %": Fault(AXES, moved(lambda c, rng: c * [1, 1.05])),
    "sparse": Fault(("overlap",), made={"step": 0.24}),
    "400 counts": Fault(("few counts",), thinned(400)),
    "100 counts": Fault(("few counts",), thinned(100)),
    "empty": Fault(("empty",), counted(empty)),
    "hot": Fault(("hot or dead",), counted(hot)),
    "background 2": Fault(("background:",), added(2)),
    "background 5": Fault(("background:",), added(5)),
    "flux 10": Fault(("flux: true",), made={"fluctuation": 0.1}),
    "flux 40": Fault(("flux: true",), weaker(0.4)),
    "saturated": Fault(("saturat",), counted(saturated)),
    "modes": Fault(("modes:",), made={"modes": (0.6, 0.3, 0.1)}),
    "6 rad": Fault(("start", "strong"), made={"phase": 6.0}),
    "energy in eV": Fault(("energy",), told(wavelength=1e-3)),
    "positions in mm": Fault(("position", "object"), moved(lambda c, rng: c * 1e3)),
    "positions 1e-3": Fault(("position", "pixel"), moved(lambda c, rng: c * 1e-3)),
    "frames lost": Fault(("frames", "select"), lost),
    "off centre": Fault(("centre",), counted(off_centre)),
    "NaN": Fault(("finite", "mask"), with_nan),
}
