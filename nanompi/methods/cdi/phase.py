"""From random phases to an object: a chain of projections on some starts, each by itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nanompi.methods.cdi.pattern import Pattern
from nanompi.methods.cdi.support import Shrink, Support
from nanompi.methods.cdi.transform import Transform
from nanompi.methods.ptycho.quality import expected_deviance

FIGURES = {
    "error": "sqrt(sum (sqrt(model) - sqrt(counts))^2 / sum counts) over pixels that the iterations saw",
    "llk": "Poisson deviance over its expectation, of these pixels: 1 = counting noise alone",
    "free": "the same of pixels held out, which the iterations did not see",
    "free_error": "the first of pixels held out",
    "support": "pixels of the support",
}
TRACE = ("iteration", "error", "llk", "free", "support")  # a line of the history of a start
LOOK = 20  # iterations between two of its lines; of starts side by side on a card BESIDE times as many
BESIDE = 5
ER = (0.0, 0.0, 0.0)  # coefficients of `projections.ErrorReduction`


@dataclass
class Phasing:
    """How the phases of a pattern are looked for on a device.

    pattern : what was measured; chain : instances of `projections`; support : how it follows the object
    S0      : bool, FFT order, the first support
    positive: the object is real and not negative; rho : trust in the wave against the noise of the counts,
        as the kernel `project` has it; seed : of the starts
    """

    device: Any
    pattern: Pattern
    chain: list[Any]
    support: Support
    S0: np.ndarray
    positive: bool = False
    rho: float = 0.0
    seed: int = 1

    def __post_init__(self):
        d, p = self.device, self.pattern
        self.transform = Transform(d, p.shape)
        self.planned = sum(link.iterations for link in self.chain)
        self.shrink = Shrink(d, self.transform, self.support, self.planned)
        self.I = d.array(p.counts.reshape(1, -1, p.shape[-1]))
        self.good = d.array(p.good.reshape(-1, p.shape[-1]), d.real)
        self.held = d.array(p.held.reshape(-1, p.shape[-1]), d.real)
        self.table = d.array(expected_deviance(), d.real)
        self.first = d.array(self.S0, bool)

    # ---- starts

    def begin(self, number: int) -> np.ndarray:
        """The image of start `number`: the measured modulus with random phases, in the first support.

        complex of the device's precision, on the host; the same on every rank.
        """
        from scipy.fft import ifftn

        p, rng = self.pattern, np.random.default_rng([self.seed, 1, number])
        modulus = np.sqrt(p.counts * np.float32(self.transform.size))
        phase = 2 * np.pi * rng.random(p.shape, np.float32)
        psi = ifftn((modulus * np.exp(1j * phase)).astype(np.complex64))
        return (psi * self.S0).astype(self.device.complex)

    def solve(self, starts: np.ndarray, tick=lambda: None, look=None) -> tuple[Any, Any]:
        """(psi, S) on the device after the chain: images in their supports, and these.

        starts : (k, h, w) or (k, d, h, w) complex; tick : called after each iteration
        look   : called as look(iterations done, name of the projection, psi, S) each LOOK iterations
        """
        d, xp = self.device, self.device.xp
        psi = xp.array(d.array(starts, d.complex), order="C")
        S = xp.array(xp.broadcast_to(self.first, psi.shape), order="C")
        z, done = xp.empty_like(psi), 0
        every = LOOK * (BESIDE if len(psi) > 1 else 1)
        for link in self.chain:
            how = tuple(d.real(v) for v in link.coefficients())
            for _ in range(link.iterations):
                if self.support.due(done, self.planned):
                    self.shrink(psi, S, z, done)
                self._step(psi, S, z, how)
                done += 1
                tick()
                if look and done % every == 0:
                    look(done, link.name, psi, S)
        psi *= S
        return psi, S

    def descend(self, image: np.ndarray, S: np.ndarray, iterations: int, tick=lambda: None, how=ER):
        """The image (h, w) or (d, h, w) on the device, in its support, which stays; how : coefficients of a
        projection."""
        d = self.device
        inside = d.array(S[None], bool)
        psi = d.array(image[None].astype(d.complex)) * inside
        z, how = d.xp.empty_like(psi), tuple(d.real(v) for v in how)
        for _ in range(iterations):
            self._step(psi, inside, z, how)
            tick()
        return (psi * inside)[0]

    def _step(self, psi, S, z, how):
        """psi <- its constraints, after the projection onto the modulus"""
        c, d, t = how
        z[...] = psi
        self.transform.forward(z)
        self._project(z)
        self.transform.backward(z)
        flat = (-1, *psi.shape[-2:])
        k = self.device.kernels
        k.constrain(psi.reshape(flat), z.reshape(flat), S.reshape(flat), c, d, t, self.positive)

    def _project(self, z):
        """F <- the measured modulus, over the number of pixels"""
        unit, none = self.device.real(1 / self.transform.size), self.device.real(0)
        waves, I, gain = self._waves(z)
        self.device.kernels.project(waves, I, self.good, gain, unit, none, self.device.real(self.rho))

    def _waves(self, z):
        """(k, 1, rows, columns) waves, their counts, and what makes counts of them."""
        xp, k = self.device.xp, len(z)
        waves = z.reshape(k, 1, -1, z.shape[-1])
        I = self.I if k == 1 else xp.ascontiguousarray(xp.broadcast_to(self.I, (k, *self.I.shape[1:])))
        return waves, I, xp.full(k, 1 / self.transform.size, self.device.real)

    # ---- what there is to say of one

    def link_at(self, done: float) -> str:
        """The name of the projection that made an iteration, counted from 1."""
        ends = np.cumsum([link.iterations for link in self.chain])
        return self.chain[min(int(np.searchsorted(ends, done)), len(self.chain) - 1)].name

    def trace(self, done: int, psi, S) -> tuple[float, ...]:
        """A line of the history, `TRACE`, of a start that is on its way: of its image within its support."""
        own = self.figures(psi * S, S)
        return float(done), *(float(own.get(name, np.nan)) for name in TRACE[1:])

    def figures(self, psi, S) -> dict[str, float]:
        """`FIGURES` of one image on the device."""
        xp, z = self.device.xp, psi[None].copy()
        self.transform.forward(z)
        waves, I, gain = self._waves(z)
        work = xp.empty((3, *I.shape), self.device.real)
        sums = []
        for mask in (self.good, self.held):
            made = self.device.kernels.figures(waves, I, mask, gain, self.table, self.device.real(0), work)
            sums.append(self.device.total([made]))
        seen, free = sums
        out = {"error": _error(seen), "llk": _ratio(seen[0], seen[1])}
        if free[7]:
            out |= {"free": _ratio(free[0], free[1]), "free_error": _error(free)}
        return out | {"support": int(self.device.host(S).sum(dtype=np.int64))}


def _error(sums) -> float:
    return float(np.sqrt(_ratio(sums[4], sums[5])))


def _ratio(a, b) -> float:
    return float(a / b) if b else float("nan")
