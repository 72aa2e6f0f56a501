"""A small pattern with its truth, and how its phases are looked for."""

import numpy as np

from nanompi.device.cpu import Cpu
from nanompi.methods import discover
from nanompi.methods.cdi.pattern import Pattern, held_out
from nanompi.methods.cdi.phase import Phasing
from nanompi.methods.cdi.simulate import PatternSimulation, mean_counts, object_of
from nanompi.methods.cdi.support import Support, from_autocorrelation


def chain(text: str) -> list:
    """ "RAAR*100 ER*20" as instances."""
    known, words = discover()["projection"], [word.split("*") for word in text.split()]
    return [known[name](iterations=int(count)) for name, count in words]


def pattern(heldout: float = 0.02, stop: float = 0.0, **simulate) -> tuple[Pattern, np.ndarray]:
    """(pattern in FFT order, the true object in FFT order)"""
    s = PatternSimulation(**simulate)
    mean = np.fft.ifftshift(mean_counts(s))
    counts = np.random.default_rng([s.seed, 3]).poisson(mean) if s.noise else mean
    at = np.meshgrid(*(np.fft.fftfreq(n) * n for n in mean.shape), indexing="ij")
    good = np.sqrt(sum(a * a for a in at)) >= stop
    held = held_out(good, heldout, 1)
    counts = np.where(good, counts, 0).astype(np.float32)
    made = Pattern(counts, good & ~held, held, tuple(n // 2 for n in mean.shape), mean.shape)
    return made, np.fft.ifftshift(object_of(s))


def phasing(of: Pattern, text: str, support: Support | None = None, S0=None, **more) -> Phasing:
    """With the usual support from the autocorrelation"""
    support = support or Support()
    S0 = from_autocorrelation(of, support.start) if S0 is None else S0
    precision = more.pop("precision", "single")
    device = more.pop("device", None) or Cpu(precision, 1)
    return Phasing(device, of, chain(text), support, S0, **more)


def solved(phases: Phasing, number: int):
    """(image, support, figures) of a start"""
    psi, S = phases.solve(phases.begin(number)[None])
    return psi[0], S[0], phases.figures(psi[0], S[0])
