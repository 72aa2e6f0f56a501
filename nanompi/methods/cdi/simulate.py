"""A diffraction pattern without a file: grains in an outline without symmetry, with the exact truth.

    input:
      format: cdi.simulate
      simulate: {size: 128, photons: 1e6}

The mean counts are |F psi|^2 / N with F the discrete transform of the object psi (N pixels), so that their
sum is `photons`. With `planes` the object is a body of balls, its pattern one in three dimensions.
`exposures` of one pattern share the photons, and each has its own random numbers.
"""

from dataclasses import dataclass, field

import numpy as np

from nanompi.data.data import Data
from nanompi.data.source import Source, check_index
from nanompi.step import param, reader, section
from nanompi.units import EV

FINE = 4  # points along each side of a pixel, over which a plane object is averaged
# row, column and radius of discs, of the width of the field
OUTLINE = (
    (-0.13, -0.1, 0.07),
    (-0.02, -0.05, 0.09),
    (0.08, 0.02, 0.08),
    (0.05, 0.12, 0.06),
    (-0.06, 0.1, 0.045),
)
LEVELS = 0.25, 1.25  # thinnest and thickest place, in units of the mean


@section
class PatternSimulation:
    """What is simulated."""

    size: int = param(128, ge=32, le=16384, unit="px", level="basic", help="rows and columns of the pattern")
    planes: int = param(
        0, ge=0, le=4096, unit="px", level="basic", help="planes of it; 0 = it has two dimensions"
    )
    photons: float = param(
        1e6, gt=0, le=4e9, level="basic", help="counts of the whole pattern, on the average"
    )
    exposures: int = param(1, ge=1, le=10_000, help="how many exposures share these counts")
    phase: float = param(
        0.5, ge=0, le=1000, unit="rad", help="phase of the mean thickness; 0 = a positive object"
    )
    width: float = param(1.0, gt=0, le=2.4, help="width of the object; 2.4 fills the field")
    grains: int = param(60, ge=0, le=10_000, help="how many grains it has")
    stop: float = param(0.0, ge=0, le=16384, unit="px", help="radius of a beam stop in the middle")
    shift: tuple[float, float] = param(
        (0.0, 0.0), unit="px", help="by how much the centre of the pattern is off, along rows and columns"
    )
    energy: float = param(8e3 * EV, unit="J", bare="keV", gt=0, help="photon energy")
    distance: float = param(2.0, unit="m", gt=0, help="from the sample to the detector")
    pixel: float = param(55e-6, unit="m", gt=0, help="detector pixel size")
    noise: bool = param(True, help="Poisson counts; otherwise the exact means in float32")
    seed: int = param(1, ge=0, help="another number gives other grains and noise")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the pattern"""
        return (self.planes, self.size, self.size) if self.planes else (self.size, self.size)


def thickness(s: PatternSimulation) -> np.ndarray:
    """(size, size) or (planes, size, size) float64: how thick the object is, 0 outside of it."""
    fine = 1 if s.planes else FINE
    rng, n = np.random.default_rng([s.seed, 1]), s.size
    places = [(np.arange(m * fine) + 0.5) / fine - 0.5 - m // 2 for m in s.shape]
    inside = np.zeros([len(p) for p in places], bool)
    deep = (0.0, -0.05, 0.03, 0.0, 0.06) if s.planes else (None,) * len(OUTLINE)
    for (row, column, radius), z in zip(OUTLINE, deep):
        at = ([] if z is None else [z]) + [row, column]
        inside |= _ball(places, np.array(at) * n * s.width, radius * n * s.width)
    thick = np.full(inside.shape, 0.5)
    for _ in range(s.grains):
        at = rng.uniform(-0.2, 0.2, len(s.shape)) * n * s.width
        radius, value = rng.uniform(0.008, 0.04) * n * s.width, rng.uniform(-0.3, 0.5)
        thick += value * _ball(places, at, radius * (2 if s.planes else 1))
    return inside * np.clip(thick, *LEVELS)


def _ball(places, at, radius: float) -> np.ndarray:
    squares = 0.0
    for axis, (p, c) in enumerate(zip(places, at)):
        squares = squares + ((p - c) ** 2).reshape([-1 if k == axis else 1 for k in range(len(places))])
    return squares < radius * radius


def object_of(s: PatternSimulation) -> np.ndarray:
    """(size, size) or (planes, size, size) complex64, its middle at n // 2, with all the photons."""
    t = thickness(s)
    wave = np.where(t > 0, np.sqrt(t) * np.exp(-1j * s.phase * t), 0)
    if not s.planes:
        wave = wave.reshape(s.size, FINE, s.size, FINE).mean((1, 3))
    return (wave * np.sqrt(s.photons / (np.abs(wave) ** 2).sum())).astype(np.complex64)


def mean_counts(s: PatternSimulation) -> np.ndarray:
    """float64, in natural order: the centre at n // 2, and `shift` further on."""
    wave = object_of(s).astype(complex)
    move = [0.0] * (wave.ndim - 2) + list(s.shift)
    for axis, (n, by) in enumerate(zip(wave.shape, move)):
        ramp = np.exp(2j * np.pi * by * (np.arange(n) - n // 2) / n)
        wave = wave * ramp.reshape([-1 if k == axis else 1 for k in range(wave.ndim)])
    return np.fft.fftshift(np.abs(np.fft.fftn(wave)) ** 2) / wave.size


@dataclass
class SimulatedPattern(Source):
    """Exposures of a pattern, or its planes, made when they are read."""

    mean: np.ndarray
    exposures: int
    noise: bool
    seed: int
    where: str = "simulation"
    shape: tuple[int, int, int] = field(init=False)

    def __post_init__(self):
        flat = self.mean.ndim == 2
        self.shape = ((self.exposures if flat else len(self.mean)), *self.mean.shape[-2:])
        self.dtype = np.dtype(np.uint32 if self.noise else np.float32)

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Exposures or planes `index`: (len(index), rows, columns) counts."""
        index = check_index(index, self.shape[0], self.where)
        return np.array([self._image(int(i)) for i in index], self.dtype).reshape(-1, *self.shape[1:])

    def _image(self, i: int) -> np.ndarray:
        mean = self.mean / self.exposures if self.mean.ndim == 2 else self.mean[i]
        return np.random.default_rng([self.seed, 3, i]).poisson(mean) if self.noise else mean


@reader("cdi.simulate", steps=("cdi",))
class SimulatePattern:
    """A simulated diffraction pattern with its exact truth, by `format: cdi.simulate`."""

    simulate: PatternSimulation = param(PatternSimulation(), level="basic", help="what is simulated")

    def open(self, file: str, given) -> Data:
        """The counts are made when they are read; beside them is the truth."""
        s = self.simulate
        mean = mean_counts(s)
        data = Data(
            axes=("plane", "row", "column") if s.planes else ("exposure", "row", "column"),
            source=SimulatedPattern(mean, s.exposures, s.noise, s.seed),
            facts={"energy": s.energy, "distance": s.distance, "pixel": s.pixel},
            beside={"truth": object_of(s)},
            unit="counts",
            title="pattern",
            file="simulation",
            format=self.name,
            notes=[f"simulated: {s.photons:.3g} counts, phase {s.phase:g} rad"],
        )
        if s.stop:
            at = [np.arange(n) - n // 2 - by for n, by in zip(mean.shape[-2:], s.shift)]
            data.beside["mask"] = np.hypot(at[0][:, None], at[1]) > s.stop
        return {"data": data}
