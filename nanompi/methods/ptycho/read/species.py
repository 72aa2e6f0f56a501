"""A sample of two species of an element near its absorption edge, as ptychography sees it at any energy.

Each soft ball (`balls`) is of one species; the attenuation of an amount of 1 is that of `xanes.simulate`, an
edge step of 1 and what was there before it; the phase goes with the amount. Places are lengths: at another
energy the same sample stands on other pixels.
"""

import numpy as np

from nanompi.methods.maps.xanes.simulate import APART, THICK, spectrum
from nanompi.methods.ptycho.read.balls import Balls
from nanompi.units import EV

EDGE = 7112.0  # eV, of the first species; that of the second is `APART` above it
NAMES = ("reduced", "oxidized")


def amounts(size: float, seed: int, shape, finer: float = 1.0, shift=(0.0, 0.0)) -> np.ndarray:
    """(2, rows, columns): amount of each species, that of both at most 1.

    size : of the field, in pixels of which `finer` make one of the image; shift : px of the image
    """
    whole = [_some(Balls.of(size, seed), k) for k in range(2)]
    scale = finer / sum(one.projection(0.0, (int(size), int(size))) for one in whole).max()
    there = (Balls(one.x / finer, one.y / finer, one.z / finer, one.width / finer, one.density)
             for one in whole)  # fmt: skip
    return scale * np.array([one.projection(0.0, shape, *shift) for one in there])


def _some(balls: Balls, k: int) -> Balls:
    """Every other of them, and no holes"""
    own = [getattr(balls, name)[k::2] for name in ("x", "y", "z", "width")]
    return Balls(*own, np.abs(balls.density[k::2]))


def attenuation(energy: float) -> np.ndarray:
    """(2,) of an amount of 1 of each species. energy : J"""
    eV = np.array([energy / EV])
    return np.array([spectrum(eV, EDGE + k * APART, k)[0] + THICK for k in range(2)])


def wave(parts: np.ndarray, energy: float, phase: float) -> np.ndarray:
    """(rows, columns) complex64 behind amounts (2, rows, columns); phase : rad of an amount of 1"""
    absorbed = np.tensordot(attenuation(energy), parts, 1)
    return np.exp(-absorbed / 2 - 1j * phase * parts.sum(0)).astype(np.complex64)
