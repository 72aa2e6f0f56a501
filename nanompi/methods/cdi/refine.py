"""The end: from the average of the starts to the image, placed within its pixels, its support drawn anew.

A pattern does not tell where the object lies, by fractions of a pixel either, and each start comes to rest
where chance and its support have put it. There the edges of the object fall between pixels: what they leave
outside of the support is lost, and the rest is bent to make up for it. So the average is moved by parts of a
pixel; at each place a support is drawn from it, sharper than those of the starts, which are noisier, and some
iterations of ER follow. The place with the least Poisson deviance of the pixels that the iterations see is
the next one, until smaller steps are of no use. There a wider support is drawn, which loses nothing of the
edges, and ER goes on in it. Some of the starts then go through RAAR in this support, and their average the
same way: where all had an error in common, a support at the right place frees them of it. Of both, and of
their mean, the one with the least deviance is the image.
"""

import sys
from dataclasses import dataclass
from itertools import product

import numpy as np

from nanompi.methods.cdi.align import align, moved
from nanompi.methods.cdi.pattern import frequency
from nanompi.methods.cdi.phase import Phasing

TRIED, LAST = 15, 60  # iterations of ER at each place, and at the end
FIRST, STEPS = 0.33, (0.15, 0.08)  # px: a grid of three places along each axis, then along one after another
MOST = 12  # rounds after the grid
SHARPER = 0.5  # times the last blur of the starts: an average has less noise
LOWER, LOWEST = 0.75, 0.4  # times their threshold, while places are tried, and at the end
REACH = 1.0  # px, rms: the last support grows by about twice as much from the one before, and not elsewhere
LESS = 1e-3  # part of the deviance: a round that gains less is the last of its step
AGAIN, WANDER, REST = 5, 200, 30  # starts that go on in the new support; their iterations of RAAR and ER
RAAR = (0.9, -0.8, 1.0)  # of `projections.RelaxedReflections`, beta 0.9
WORSE = {"llk": 1.05, "free": 1.2}  # times the median of the starts averaged: with more an image is not taken


def iterations(axes: int, shrink: bool = True) -> int:
    """About how many they are in all, for a forecast: of each step two rounds, of three images."""
    if not shrink:
        return LAST
    rounds = 2 * len(STEPS) * (2 * axes + 1)
    return TRIED * (3**axes + 3 * rounds) + 3 * LAST + AGAIN * (WANDER + REST)


@dataclass
class Refined:
    """image : complex, FFT order, on the host; support : bool; figures : `phase.FIGURES` of it
    moved : px along each axis; tries : places that were tried"""

    image: np.ndarray
    support: np.ndarray
    figures: dict[str, float]
    moved: tuple[float, ...]
    tries: int = 0

    def better(self, starts: list[dict[str, float]]) -> bool:
        """Is it as near to the counts as the starts that were averaged, to those held out as well?"""
        usual = {name: np.median([one.get(name, np.nan) for one in starts]) for name in WORSE}
        return all(self.figures[name] <= WORSE[name] * v for name, v in usual.items() if np.isfinite(v))


class Refine:
    """From an image near the object, with the pattern and the device of a `Phasing`; tick : called after each
    iteration."""

    def __init__(self, phasing: Phasing, tick=lambda: None):
        self.phasing, self.tick, self.tries = phasing, tick, 0

    def __call__(self, images: np.ndarray, S: np.ndarray) -> Refined:
        """images : (k, h, w) or (k, d, h, w) on each other, S : of one, FFT order, on the host. A support
        that does not follow the object is kept, and so is the place."""
        average = images.mean(0)
        here = (0.0,) * average.ndim
        if not self.phasing.support.shrink:
            return self._settled(average, S, here, LAST)
        one = self.placed(self._best_of(average, here, product((-FIRST, 0.0, FIRST), repeat=average.ndim)))
        other = self.placed(self._tried(self._again(images, one), one.moved, here))
        both = self.placed(self._tried((one.image + other.image) / 2, one.moved, here))
        best = min((one, other, both), key=_deviance)
        best.tries = self.tries
        return best

    def placed(self, best: Refined) -> Refined:
        """At the best place nearby, in its last support"""
        for step in STEPS:
            best = self._nearby(best, step)
        return self._settled(best.image, self._last_support(best), best.moved, LAST)

    def _again(self, images: np.ndarray, one: Refined) -> np.ndarray:
        """The average of some starts that have gone on in the support of one image"""
        phasing, total = self.phasing, np.zeros_like(one.image)

        def work(f) -> list[np.ndarray]:
            out = []
            for image in images[f]:
                psi = phasing.descend(align(image, one.image).image, one.support, WANDER, self.tick, RAAR)
                psi = phasing.descend(phasing.device.host(psi), one.support, REST, self.tick)
                out.append(align(phasing.device.host(psi), one.image).image)
            return out

        some = min(AGAIN, len(images))
        volume = one.image.ndim == 3
        found = [work(slice(some))] if volume else phasing.device.each(work, some, sys.maxsize)
        for image in (image for part in found for image in part):
            total += image / some
        return total

    def _nearby(self, best: Refined, step: float) -> Refined:
        """Rounds of both ways along each axis, and of where it is, until they gain nothing"""
        axes = range(best.image.ndim)
        ways = [tuple(sign * step * (axis == a) for a in axes) for axis in axes for sign in (-1, 1)]
        for _ in range(MOST // len(STEPS)):
            near = self._best_of(best.image, best.moved, [*ways, (0.0,) * len(axes)])
            gain = best.figures["llk"] - near.figures["llk"]
            best = near if gain > 0 else best
            if not gain > LESS * best.figures["llk"]:
                break
        return best

    def _best_of(self, image: np.ndarray, before: tuple[float, ...], ways) -> Refined:
        """The best of some places"""
        ways = list(ways)
        self.tries += len(ways)

        def work(f) -> Refined:
            return min((self._tried(image, before, by) for by in ways[f]), key=_deviance)

        if image.ndim == 3:  # whose planes the threads share
            return work(slice(None))
        return min(self.phasing.device.each(work, len(ways), sys.maxsize), key=_deviance)

    def _tried(self, image, before: tuple[float, ...], by: tuple[float, ...]) -> Refined:
        """At a place, in a support that is drawn there"""
        image = moved(image, by) if any(by) else image
        place = tuple(float(a + b) for a, b in zip(before, by))
        return self._settled(image, self._support(image, LOWER), place, TRIED)

    def _settled(self, image, S, place: tuple[float, ...], iterations: int) -> Refined:
        phasing = self.phasing
        psi = phasing.descend(image, S, iterations, self.tick)
        figures = phasing.figures(psi, phasing.device.array(S, bool))
        return Refined(phasing.device.host(psi), S, figures, place)

    def _support(self, image: np.ndarray, lower: float) -> np.ndarray:
        """bool: where the blurred amplitude is above a part of its largest value."""
        s = self.phasing.support
        smooth = blurred(np.abs(image), SHARPER * s.sharpest)
        return smooth > lower * s.threshold * smooth.max()

    def _last_support(self, best: Refined) -> np.ndarray:
        """The same, lower, about the one that was"""
        return best.support | self._support(best.image, LOWEST) & (blurred(best.support, REACH) > 0.02)


def _deviance(one: Refined) -> float:
    return one.figures["llk"] if np.isfinite(one.figures["llk"]) else np.inf


def blurred(image: np.ndarray, width: float) -> np.ndarray:
    """float32, real images: with a Gaussian of this rms width in px, over the edges."""
    from scipy.fft import irfftn, rfftn

    n = image.shape[-1]
    own = np.exp(-2 * (np.pi * width * frequency(image.shape)) ** 2)[..., : n // 2 + 1]
    return irfftn(rfftn(image.astype(np.float32)) * own, image.shape)
