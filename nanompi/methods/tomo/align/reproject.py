"""Where projections stand, by what all others say of each: a volume is made of them, seen again from each
angle, and each projection moved towards what is seen.

M. Guizar-Sicairos et al., Opt. Express 19, 21345 (2011), doi:10.1364/OE.19.021345; M. Odstrcil et al., Opt.
Express 27, 36637 (2019), doi:10.1364/OE.27.036637. What differs: the rounds are accelerated (`anderson`); the
step is that of Gauss and Newton with level as third unknown and weights 1 / (1 + (e / 3 sigma)^2) of the
residuals e; phases that were unwrapped wrongly are mended by the volume, which is continuous.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.data.data import even
from nanompi.data.respread import respread
from nanompi.device.kernels.joseph import LANES
from nanompi.methods.tomo.align.anderson import Anderson
from nanompi.methods.tomo.align.mass import STEP, TINY, taper
from nanompi.methods.tomo.align.shift import moved
from nanompi.methods.tomo.angles import weights
from nanompi.methods.tomo.phases import wrapped
from nanompi.methods.tomo.rays import Rays
from nanompi.methods.tomo.recon.fbp import FBP, Plain

SMOOTH = 0.7  # px, of images before they are compared: noise between neighbours says nothing of places
COARSE = 12  # rounds that begin with wide smoothing, where nothing is known of the places
LARGEST = 1.0  # px of a step, or what is smoothed over
SLIGHT = 0.01  # of the signal: as much is always left, where a slope is steep
EARLY = 3  # rounds before angles are left out: the volume is too bad to judge by
DEPTH = 2 / 3  # of the columns, through which a ray goes in a sample, on the average
MAD = 1.4826  # standard deviations of a normal distribution in its median absolute deviation


@dataclass
class Places:
    """What is known of all projections, in the order of the angles, the same on every rank.

    down, right : (A,) px, how far the object stands below and right of where it should
    residual    : (A,) rms of the difference to what all say; used : (A,) bool, not left out
    rounds, step : how many rounds; px, the largest step of the last one
    """

    angles: np.ndarray
    down: np.ndarray
    right: np.ndarray
    residual: np.ndarray
    used: np.ndarray
    rounds: int = 0
    step: float = np.inf


class Reprojection:
    """The rounds. data : loaded, (angle, row, column), spread over the angles; lines : its values, changed
    where phases are mended."""

    def __init__(self, run, data, drop: float):
        self.run, self.team, self.data, self.drop = run, run.team, data, drop
        self.lines, self.own = data.values, data.parts[run.team.rank]
        self.rows = even(data.size("row"), run.team.size)
        self.weight = np.outer(*map(taper, data.shape[1:]))
        largest = max(self.team.allgather(float(np.abs(self.lines).max(initial=0))))
        self.most = largest + 2 * np.pi  # no phase becomes larger than this when it is mended

    def settle(self, places: Places, rounds: int, stop: float, known: bool) -> None:
        """Rounds until the largest step is below `stop` px (collective).

        known : the places are good to a pixel or so; otherwise coarse features come first
        """
        way = Anderson()
        start = SMOOTH if known else max(SMOOTH, min(self.data.shape[1:]) / 16)
        for i in range(rounds):
            smooth = start * (SMOOTH / start) ** min(1.0, i / COARSE)
            way = Anderson() if smooth > SMOOTH else way
            steps = self._round(places, smooth)
            new = self.team.on_root(lambda one=way, u=steps: self._next(one, places, u))
            places.down, places.right = new
            places.rounds, places.step = i + 1, float(np.abs(steps[:, places.used]).max())
            if i + 1 >= EARLY and smooth <= LARGEST:
                places.used = self.team.on_root(lambda: self._good(places.residual))
            self.run.note("aligning", iteration=i + 1, iterations=rounds)
            if i >= EARLY and places.step < stop and smooth <= SMOOTH:
                break

    def _next(self, way: Anderson, places: Places, steps: np.ndarray):
        """(2, A) places after a round; only differences in height count"""
        now = np.stack([places.down, places.right])
        new = way.next(now.ravel(), steps.ravel()).reshape(2, -1)
        new[0] -= new[0, places.used].mean()
        return new

    def _good(self, residual: np.ndarray) -> np.ndarray:
        return residual <= self.drop * (np.median(residual) + SLIGHT * self.signal)

    def _round(self, places: Places, smooth: float) -> np.ndarray:
        """(2, A) px: the step of each projection, its residual into `places` (collective)."""
        at = [(places.down[a], places.right[a]) for a in self.own]
        images = [moved(image, *place) for image, place in zip(self.lines, at)]
        models = self._models(np.stack(images) if images else self.lines, places)
        found = np.zeros((len(self.own), 4))
        for k, model in enumerate(models):
            if self.data.unit == "rad" and smooth <= LARGEST:
                images[k] = self._mended(k, images[k], model, at[k])
            found[k] = compared(images[k], model, self.weight, smooth * max(1, smooth))
        out = np.zeros((4, len(places.angles)))
        for part, own in self.team.allgather((self.own, found)):
            out[:, part] = own.T
        places.residual, self.signal = out[2], float(np.median(out[3]))
        return np.clip(out[:2], -max(LARGEST, smooth), max(LARGEST, smooth))

    def _mended(self, k: int, image, model, place):
        """The image of projection k of this rank, its phases closest to those of the model."""
        if not (np.abs(image - model) > np.pi).any():
            return image
        wanted = np.clip(moved(model, -place[0], -place[1]), -self.most, self.most)
        self.lines[k] = wanted + wrapped(self.lines[k] - wanted)
        return moved(self.lines[k], *place)

    def _models(self, images: np.ndarray, places: Places) -> np.ndarray:
        """(own angles, rows, columns): the volume of all images, seen at each angle (collective)."""
        turned = respread(self.team, self.data.holding(images, *self._spread("angle")), *self._spread("row"))
        share = np.zeros(len(places.angles))
        share[places.used] = weights(places.angles[places.used])
        seen = self._seen_again(turned.values, places.angles, share)
        back = respread(self.team, self.data.holding(seen, *self._spread("row")), *self._spread("angle"))
        return back.values

    def _spread(self, axis: str):
        return axis, self.data.parts if axis == "angle" else self.rows

    def _seen_again(self, sinograms: np.ndarray, angles, share) -> np.ndarray:
        """(A, rows here, columns) line integrals through the slices that they make."""
        device, n = self.run.device, sinograms.shape[2]
        method, axis = FBP(Rays(angles, share, n, n), Plain(), device), (n - 1) / 2
        method.transfer = np.minimum(method.transfer, gain_of_one(share, n))
        turn = device.array(np.stack([np.cos(angles), np.sin(angles)], 1))
        out = np.empty_like(sinograms)
        for first in range(0, sinograms.shape[1], LANES):
            some = device.array(np.ascontiguousarray(sinograms[:, first : first + LANES].swapaxes(0, 1)))
            slices = device.xp.zeros((n, n, LANES), some.dtype)
            slices[..., : len(some)] = device.xp.moveaxis(method.slices(some, np.full(len(some), axis)), 0, 2)
            lines = device.xp.empty((len(angles), n, LANES), some.dtype)
            device.by_rows(device.kernels.project_rays, slices, turn, axis, lines)
            out[:, first : first + LANES] = np.moveaxis(device.host(lines[..., : len(some)]), 2, 1)
            self.run.clock.tick()
        return out


def gain_of_one(share: np.ndarray, n: int) -> float:
    """The most that a filter may do to a projection where few angles are to judge one another.

    Seen along its own angle, what a projection has put into a sample of so many columns comes back columns *
    share * filter times: above 1 the volume would say of each projection what that says itself, only louder,
    and a phase that was unwrapped wrongly would grow from round to round. Where the angles suffice the ramp
    stays below this. A sample with air at both sides is `DEPTH` of the field deep, on the average.
    """
    return 1 / (DEPTH * n * max(float(share[share > 0].mean()), TINY))


def compared(image, model, weight, smooth: float) -> tuple[float, float, float, float]:
    """(px down, px right, rms, rms): the step that brings an image closer to its model, what is between
    them, and the model."""
    from scipy.ndimage import gaussian_filter

    model = gaussian_filter(model.astype(np.float64), smooth)
    rest = gaussian_filter(image.astype(np.float64), smooth) - model
    spread = MAD * np.median(np.abs(rest)) + TINY
    trusted = weight / (1 + (rest / (3 * spread)) ** 2)
    terms = np.stack([*np.gradient(model), np.ones_like(model)]).reshape(3, -1)
    weighed = terms * trusted.ravel()
    normal = weighed @ terms.T + np.diag([spread**2 / STEP**2] * 2 + [TINY])
    down, right, _ = np.linalg.solve(normal, weighed @ rest.ravel())
    between, signal = (np.sqrt((weight * one**2).sum() / weight.sum()) for one in (rest, model))
    return -down, -right, between, signal
