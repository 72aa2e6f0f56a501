"""A sample in three dimensions whose projections are known exactly: soft balls, each a Gaussian.

A ball of density a exp(-r^2 / 2 s^2) seen along any direction has the line integral
a s sqrt(2 pi) exp(-d^2 / 2 s^2), d from the ray to its middle.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Balls:
    """x, y, z, width : (m,) px, middles, the rotation axis along z at x = y = 0, and their s; density : (m,)
    rad per px, negative for some."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    width: np.ndarray
    density: np.ndarray

    @classmethod
    def of(cls, size: float, seed: int, n: int = 40) -> "Balls":
        """n balls that stay within 0.8 of a field of so many pixels, from every side; one in five is a
        hole."""
        rng, scale = np.random.default_rng([seed, 7]), size / 64
        r, turn = 15 * np.sqrt(rng.random(n)), 2 * np.pi * rng.random(n)
        z, width = rng.uniform(-16, 16, n), rng.uniform(1.2, 2.6, n)
        density = rng.uniform(0.3, 1, n) * np.where(rng.random(n) < 0.8, 1, -0.5)
        places = (r * np.cos(turn), r * np.sin(turn), z, width)
        return cls(*(scale * one for one in places), density / scale)

    def projection(self, angle: float, shape, down: float = 0.0, right: float = 0.0) -> np.ndarray:
        """(rows, columns) float64 rad: line integrals; the axis in the middle of the image, but for a
        displacement in px."""
        y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
        across = self.x * np.cos(angle) + self.y * np.sin(angle) + right
        rows = np.exp(-np.square((y - self.z[:, None] - down) / self.width[:, None]) / 2)
        columns = np.exp(-np.square((x - across[:, None]) / self.width[:, None]) / 2)
        return (rows * (self.density * self.width * np.sqrt(2 * np.pi))[:, None]).T @ columns

    def slice(self, height: float, size: int) -> np.ndarray:
        """(size, size) float64 rad per px: the density at a height above the middle, in px."""
        x = np.arange(size) - (size - 1) / 2
        along, across = (
            np.exp(-np.square((x - one[:, None]) / self.width[:, None]) / 2) for one in (self.y, self.x)
        )
        at = self.density * np.exp(-np.square((height - self.z) / self.width) / 2)
        return (along * at[:, None]).T @ across
