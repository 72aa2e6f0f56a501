"""A sample whose projections are known exactly: ellipsoids, each with a value that adds to the others'.

A plane cuts an ellipsoid in an ellipse. The line integral over an ellipse with semi-axes a, b, turned by phi,
along the ray at t = x cos(theta) + y sin(theta), is

    p(t) = 2 a b value sqrt(w^2 - (t - t0)^2) / w^2,   w^2 = a^2 cos^2(theta - phi) + b^2 sin^2(theta - phi)

and its integral over a detector pixel is elementary too.
"""

from dataclasses import dataclass

import numpy as np

RADIUS = 0.8  # of the largest ellipsoid, in half widths of the detector
TINY = 1e-9  # px, instead of the width of a cut that misses
FINE = 8  # points along each side of a pixel where a slice is averaged over it


@dataclass(frozen=True)
class Phantom:
    """Ellipsoids in pixels of the detector, their origin on the rotation axis in the middle of the rows.

    x, y, z : (m,) px, places; a, b, c : (m,) px, semi-axes along x, y (before the turn) and z
    phi     : (m,) rad, turn about z; value : (m,) attenuation per px
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    phi: np.ndarray
    value: np.ndarray

    def projection(self, angle: float, rows: int, columns: int, centre: float) -> np.ndarray:
        """(rows, columns) float64: line integrals, averaged over each column; centre : column of the axis."""
        shrink = self._shrink(np.arange(rows) - (rows - 1) / 2)
        width = (
            shrink * np.hypot(self.a * np.cos(angle - self.phi), self.b * np.sin(angle - self.phi))[:, None]
        )
        edges = np.arange(columns + 1) - 0.5 - centre
        t = edges - (self.x * np.cos(angle) + self.y * np.sin(angle))[:, None]
        u = np.clip(t[:, None] / np.maximum(width, TINY)[..., None], -1, 1)
        area = (self.value * self.a * self.b)[:, None, None] * shrink[..., None] ** 2
        return np.diff(area * (u * np.sqrt(1 - u * u) + np.arcsin(u)), axis=-1).sum(0)

    def slice(self, row: int, rows: int, size: int) -> np.ndarray:
        """(size, size) float32: attenuation per px in the plane of a row, averaged over each pixel."""
        fine = (np.arange(size * FINE) + 0.5) / FINE - 0.5 - (size - 1) / 2
        image = np.zeros((size * FINE, size * FINE), np.float32)
        for k, shrink in enumerate(self._shrink(np.array([row - (rows - 1) / 2]))[:, 0]):
            if shrink == 0:
                continue
            x, y = fine - self.x[k], fine[:, None] - self.y[k]
            cos, sin = np.cos(self.phi[k]), np.sin(self.phi[k])
            u, v = (x * cos + y * sin) / self.a[k], (y * cos - x * sin) / self.b[k]
            image += np.float32(self.value[k]) * (u * u + v * v <= shrink * shrink)
        return image.reshape(size, FINE, size, FINE).mean((1, 3))

    def mass(self, row: int, rows: int) -> float:
        """The sum over the plane of a row, per px times px^2: what each projection of that row sums to."""
        shrink = self._shrink(np.array([row - (rows - 1) / 2]))[:, 0]
        return float((np.pi * self.a * self.b * shrink**2 * self.value).sum())

    def _shrink(self, z: np.ndarray) -> np.ndarray:
        """(m, rows): the semi-axes of the cut at heights z, as part of the full ones; 0 where it misses."""
        return np.sqrt(np.maximum(1 - ((z - self.z[:, None]) / self.c[:, None]) ** 2, 0))


def disc(radius: float, value: float, x: float = 0.0, y: float = 0.0) -> Phantom:
    """One upright cylinder (as good as one: a very long ellipsoid); px, and attenuation per px."""
    one = [np.array([v], float) for v in (x, y, 0, radius, radius, 1e9, 0, value)]
    return Phantom(*one)


def grains(columns: float, rows: int, thickness: float, seed: int, n: int = 12) -> Phantom:
    """A body with a hole and n grains, no two slices of it alike; it fits into the columns at all angles.

    columns : px; the body is `RADIUS` of it wide. thickness : line integral through its middle alone
    """
    rng, half = np.random.default_rng([seed, 0]), columns / 2
    body = thickness / (2 * RADIUS * half)
    r, turn = 0.55 * np.sqrt(rng.random(n)), 2 * np.pi * rng.random(n)
    long = rng.uniform(0.04, 0.14, n)
    own = {
        "x": r * np.cos(turn), "y": r * np.sin(turn), "z": rng.uniform(-0.5, 0.5, n) * rows / columns * 2,
        "a": long, "b": long * rng.uniform(0.5, 1, n), "c": np.maximum(long, rows / columns),
        "phi": rng.uniform(0, np.pi, n), "value": body * rng.uniform(-0.4, 0.8, n),
    }  # fmt: skip
    tall = 4 * rows / columns
    first = {"x": (0, 0.1), "y": (0, -0.15), "z": (0, 0), "a": (RADIUS, 0.2), "b": (0.9 * RADIUS, 0.1),
             "c": (tall, tall), "phi": (0.3, 1.0), "value": (body, -0.5 * body)}  # fmt: skip
    joined = {k: np.concatenate([first[k], own[k]]) for k in own}
    return Phantom(**{k: v * (1 if k in ("phi", "value") else half) for k, v in joined.items()})
