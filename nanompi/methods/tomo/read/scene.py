"""Simulated images of a detector: a phantom in an uneven beam, with counting noise."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from nanompi.data.source import Source, check_index
from nanompi.methods.tomo.phantom import Phantom

PROJECTION, FLAT, DARK = 0, 1, 2
PEDESTAL = 100.0  # counts of the detector without beam
FULL = 60_000  # counts that a 16-bit detector holds


@dataclass(frozen=True)
class Scene:
    """What is before the detector, and the detector.

    phantom : the sample; centre : px, column of the rotation axis; photons : mean counts without a sample
    shape   : (rows, columns); noise : counting noise; seed : of the noise and of the beam
    """

    phantom: Phantom
    shape: tuple[int, int]
    centre: float
    photons: float
    noise: bool
    seed: int

    def beam(self) -> np.ndarray:
        """(rows, columns) mean counts without a sample: brighter in the middle, columns of unlike gain."""
        h, w = self.shape
        y, x = (np.arange(n) - (n - 1) / 2 for n in (h, w))
        profile = np.exp(-((y[:, None] / h) ** 2) - 1.5 * (x / w) ** 2)
        gain = 1 + 0.05 * np.random.default_rng([self.seed, 1]).standard_normal(w)
        beam = profile * gain.clip(0.8, 1.2)
        return self.photons * beam / beam.mean()

    def dark(self) -> np.ndarray:
        """(rows, columns) mean counts without a beam."""
        return PEDESTAL + 10 * np.random.default_rng([self.seed, 2]).random(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """uint16 counts, uint32 where they would not fit, float32 without noise."""
        brightest = 1.2 * float(self.beam().max()) + PEDESTAL
        return np.dtype("float32" if not self.noise else "uint16" if brightest < FULL else "uint32")


@dataclass
class SimulatedSlices(Source):
    """The truth: a source of slices (rows, columns, columns) of a scene, attenuation per m."""

    scene: Scene
    pixel: float
    where: str = "simulation"

    def __post_init__(self):
        rows, columns = self.scene.shape
        self.shape, self.dtype = (rows, columns, columns), np.dtype(np.float32)

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Slices `index`: (len(index), columns, columns) float32."""
        rows, columns = self.scene.shape
        index = check_index(index, rows, self.where)
        return np.stack([self.scene.phantom.slice(i, rows, columns) for i in index]) / np.float32(self.pixel)


@dataclass
class SimulatedImages(Source):
    """A source of images of one kind, made when they are read; any rank makes any of them.

    kind   : PROJECTION, FLAT or DARK
    angles : (n,) rad of the projections; of flats and darks only their number counts
    """

    scene: Scene
    kind: int
    angles: np.ndarray
    where: str = "simulation"
    chunk: int = 1

    def __post_init__(self):
        self.shape, self.dtype = (len(self.angles), *self.scene.shape), self.scene.dtype

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Images `index`: (len(index), rows, columns)."""
        index = check_index(index, len(self.angles), self.where)
        out = np.empty((len(index), *self.shape[1:]), self.dtype)
        beam, dark = self.scene.beam() * (self.kind != DARK), self.scene.dark()

        def make(k: int) -> None:
            out[k] = self._image(int(index[k]), beam, dark)

        with ThreadPoolExecutor(max(1, threads)) as pool:
            list(pool.map(make, range(len(index))))
        return out

    def _image(self, i: int, beam: np.ndarray, dark: np.ndarray) -> np.ndarray:
        """Counts of image `i`; the same on every rank, since each has its own random numbers."""
        mean = beam + dark
        if self.kind == PROJECTION:
            lines = self.scene.phantom.projection(self.angles[i], *self.scene.shape, self.scene.centre)
            mean = beam * np.exp(-lines) + dark
        if not self.scene.noise:
            return mean
        counts = np.random.default_rng([self.scene.seed, 3, self.kind, i]).poisson(mean)
        return np.minimum(counts, np.iinfo(self.dtype).max)
