"""A stack of images at rising energies without a file: grains of some species that drift, with the truth.

    input:
      format: xanes.simulate
      simulate: {energies: 80, size: 64, species: 3, counts: 300, drift: 0.4}

An edge is a step of arctangents with a white line and a pre-edge line, at another energy for each species.
Grains are Gaussian, so that a moved image is exact. Each image has its own random numbers: any rank makes
any of them, and the data do not depend on the ranks.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.data.data import Data
from nanompi.data.source import Source, check_index
from nanompi.step import param, reader, section
from nanompi.units import EV

NAMES = ("reduced", "mixed", "oxidized")
APART = 4.0  # eV between the edges of the first and of the last species
STEPS = ("xanes.absorbance", "map.align", "xanes.normalise", "xanes.lcf")  # of a first job
BEFORE, BEHIND = 40.0, 90.0  # eV of the scan about the edge
THICK = 0.5  # absorption before the edge, of the step


@section
class StackSimulation:
    """What is simulated."""

    energies: int = param(80, ge=20, le=10_000, level="basic", help="how many images")
    size: int = param(64, ge=16, le=16384, unit="px", level="basic", help="rows and columns of an image")
    species: int = param(2, ge=1, le=3, help="how many species there are")
    edge: float = param(7112.0 * EV, unit="J", bare="eV", gt=0, help="energy of the first edge")
    counts: float = param(3000.0, gt=0, le=1e8, level="basic", help="counts of a pixel without the sample")
    thickness: float = param(1.5, gt=0, le=100, help="edge step of the thickest grain")
    drift: float = param(
        0.4, ge=0, le=1000, unit="px", help="rms by which the sample moves from image to image"
    )
    pixel: float = param(50e-9, unit="m", gt=0, help="pixel size")
    noise: bool = param(True, help="Poisson counts; otherwise the exact means in float32")
    seed: int = param(1, ge=0, help="another number gives other grains, drift and noise")


def scan_of(given: StackSimulation) -> np.ndarray:
    """(n,) eV: dense at the edge, wide before and behind, as such scans are"""
    edge, n = given.edge / EV, given.energies
    before, near = n // 6, n // 2
    parts = [np.linspace(-BEFORE, -10, before, endpoint=False), np.linspace(-10, 20, near, endpoint=False)]
    return edge + np.concatenate([*parts, np.linspace(20, BEHIND, n - before - near)])


def spectrum(energies: np.ndarray, edge: float, number: int) -> np.ndarray:
    """Absorption of a species at energies in eV, of an edge step of 1 far behind its edge."""
    x = energies - edge
    step = 0.5 + np.arctan(x / 1.2) / np.pi
    line = (0.9 - 0.25 * number) * np.exp(-(((x - 3.5) / (2.2 + 0.4 * number)) ** 2))
    before = (0.04 + 0.04 * number) * np.exp(-(((x + 7.0) / 1.5) ** 2))
    wave = 0.06 * np.sin(x / 9.0 + number) * np.clip(x / 30, 0, 1) * np.exp(-x / 80)
    return step + line + before + wave


@dataclass(frozen=True)
class Grains:
    """Gaussian grains: place (n, 2) px, width (n,) px, height (n, species)."""

    place: np.ndarray
    width: np.ndarray
    height: np.ndarray

    @classmethod
    def of(cls, size: int, species: int, seed: int) -> "Grains":
        """Grains all over the field and a little beyond, most of one species."""
        rng = np.random.default_rng([seed, 1])
        n = max(12, size * size // 40)
        height = 0.1 * rng.random((n, species))
        height[np.arange(n), rng.integers(0, species, n)] += 0.3 + 0.7 * rng.random(n)
        return cls(rng.uniform(-4, size + 4, (n, 2)), rng.uniform(0.8, 2.5, n), height)

    def maps(self, size: int, shift) -> np.ndarray:
        """(species, size, size) amounts, when the sample stands `shift` px further down and to the right."""
        at = np.arange(size)
        y, x = (np.exp(-(((at - self.place[:, k, None] - shift[k]) / self.width[:, None]) ** 2) / 2)
                for k in (0, 1))  # fmt: skip
        return np.einsum("ns,ny,nx->syx", self.height, y, x)


@dataclass
class SimulatedStack(Source):
    """Images of grains at some energies, made when they are read.

    spectra : (species, energy); amount : edge step of an amount of 1; move : (energy, 2) px; i0 : (energy,)
    """

    grains: Grains
    spectra: np.ndarray
    amount: float
    move: np.ndarray
    i0: np.ndarray
    size: int
    noise: bool
    seed: int
    where: str = "simulation"
    chunk: int = 1

    def __post_init__(self):
        self.shape = (len(self.i0), self.size, self.size)
        self.dtype = np.dtype(np.uint32 if self.noise else np.float32)

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Images `index`: (len(index), y, x) counts."""
        index = check_index(index, self.shape[0], self.where)
        return np.array([self._image(int(i)) for i in index], self.dtype).reshape(-1, *self.shape[1:])

    def _image(self, i: int) -> np.ndarray:
        amounts = self.amount * self.grains.maps(self.size, self.move[i])
        absorbed = np.tensordot(self.spectra[:, i] + THICK, amounts, 1)
        mean = self.i0[i] * np.exp(-absorbed)
        return np.random.default_rng([self.seed, 3, i]).poisson(mean) if self.noise else mean


@reader("xanes.simulate", gives={"data": "energy y x"}, steps=STEPS)
class SimulateStack:
    """A simulated stack of images at rising energies, by `format: xanes.simulate`."""

    simulate: StackSimulation = param(StackSimulation(), level="basic", help="what is simulated")

    def open(self, file: str, given) -> dict[str, Data]:
        """Images, I0 and the references; beside them the truth: amounts of each species, and the drift."""
        s = self.simulate
        energies = scan_of(s)
        rng = np.random.default_rng([s.seed, 2])
        move = np.cumsum(rng.normal(0, s.drift, (s.energies, 2)), 0) if s.drift else np.zeros((s.energies, 2))
        move -= move[0]
        offsets = np.linspace(0, APART, s.species) if s.species > 1 else np.zeros(1)
        spectra = np.array([spectrum(energies, s.edge / EV + o, k) for k, o in enumerate(offsets)])
        names = NAMES if s.species == 3 else (NAMES[0], NAMES[-1])[: s.species]
        grains = Grains.of(s.size, s.species, s.seed)
        amount = s.thickness / grains.maps(s.size, (0, 0)).sum(0).max()
        i0 = s.counts * (1 + 0.1 * np.cos(np.arange(s.energies) / 7))
        source = SimulatedStack(grains, spectra, amount, move, i0, s.size, s.noise, s.seed)
        at = np.arange(s.size) * s.pixel
        truth = {
            "drift": move,
            "amounts": dict(zip(names, amount * grains.maps(s.size, (0, 0)))),
            "references": dict(zip(names, spectra)),
        }
        note = f"simulated: {s.species} species, {s.counts:.3g} counts of a pixel, drift {s.drift:g} px"
        data = Data(
            axes=("energy", "y", "x"),
            source=source,
            coords={"energy": (energies, "eV"), "y": (at, "m"), "x": (at, "m")},
            beside={"i0": i0} | truth,
            title="images",
            unit="counts",
            file="simulation",
            format=self.name,
            notes=[note],
        )
        return {"data": data}
