"""Simulated images of a detector: a phantom in an uneven beam, with counting noise."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from nanompi.data.source import Source, check_index
from nanompi.methods.tomo.phantom import Phantom
from nanompi.methods.tomo.read.contrast import Contrast
from nanompi.methods.tomo.read.flaws import FLAWLESS, Flaws

PROJECTION, FLAT, DARK = 0, 1, 2
PEDESTAL = 100.0  # counts of the detector without beam
FULL = 60_000  # counts that a 16-bit detector holds


@dataclass(frozen=True)
class Scene:
    """What is before the detector, and the detector.

    phantom : the sample; centre : px, column of the rotation axis; photons : mean counts without a sample
    shape   : (rows, columns); noise : counting noise; seed : of the noise and of the beam
    flaws   : of detector and beam; contrast : of the phase, None = the detector stands at the sample
    """

    phantom: Phantom
    shape: tuple[int, int]
    centre: float
    photons: float
    noise: bool
    seed: int
    flaws: Flaws = FLAWLESS
    contrast: Contrast | None = None

    def beam(self, time: float = 0.0) -> np.ndarray:
        """(rows, columns) mean counts without a sample: brighter in the middle, columns of unlike gain.

        time : from 0, the flats before the projections, to 1, those after them
        """
        h, w = self.shape
        y, x = (np.arange(n) - (n - 1) / 2 for n in (h, w))
        profile = np.exp(-((y[:, None] / h) ** 2) - 1.5 * (x / w) ** 2)
        gain = 1 + 0.05 * np.random.default_rng([self.seed, 1]).standard_normal(w)
        beam = profile * gain.clip(0.8, 1.2)
        beam = self.photons * beam / beam.mean() * self.flaws.response(self.shape, self.seed)
        return self.flaws.moved(beam, time)

    def transmission(self, angle: float, move=(0.0, 0.0)) -> np.ndarray:
        """(rows, columns) float64: what the sample leaves of the beam, as these columns see it.

        move : px, how far it stands down and to the right
        """
        sample = replace(self.phantom, z=self.phantom.z + move[0])
        if self.contrast:
            own = self.contrast.intensity(sample, angle, self.shape, self.centre + move[1])
        else:
            own = np.exp(-sample.projection(angle, *self.shape, self.centre + move[1]))
        return own * self.flaws.gain(self.shape[1], self.seed) if self.flaws.stripes else own

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
    """The truth: a source of slices (rows, size, size) of a scene about the rotation axis, per m.

    size : px; as many as the detector has columns if not given
    """

    scene: Scene
    pixel: float
    size: int = 0
    where: str = "simulation"

    def __post_init__(self):
        self.size = self.size or self.scene.shape[1]
        self.shape, self.dtype = (self.scene.shape[0], self.size, self.size), np.dtype(np.float32)

    def of_size(self, size: int) -> "SimulatedSlices":
        """The same slices, of another size."""
        return replace(self, size=size)

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Slices `index`: (len(index), size, size) float32."""
        rows = self.scene.shape[0]
        index = check_index(index, rows, self.where)
        slices = np.stack([self.scene.phantom.slice(i, rows, self.size) for i in index])
        return slices / np.float32(self.pixel)


@dataclass
class SimulatedImages(Source):
    """A source of images of one kind, made when they are read; any rank makes any of them.

    kind   : PROJECTION, FLAT or DARK
    angles : (n,) rad of the projections; of flats and darks only their number counts. The first half of
        the flats was taken before the projections, the others after them
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
        dark = self.scene.dark()

        def make(k: int) -> None:
            out[k] = self._image(int(index[k]), dark)

        with ThreadPoolExecutor(max(1, threads)) as pool:
            list(pool.map(make, range(len(index))))
        return out

    def times(self) -> np.ndarray:
        """(n,) when each image was taken, from 0 to 1; those of a set of flats together."""
        n = len(self.angles)
        if self.kind == PROJECTION:
            return np.arange(n) / max(n - 1, 1)
        return (np.arange(n) >= (n + 1) // 2).astype(float)

    def _image(self, i: int, dark: np.ndarray) -> np.ndarray:
        """Counts of image `i`; the same on every rank, since each has its own random numbers."""
        scene, mean = self.scene, dark
        rng = np.random.default_rng([scene.seed, 3, self.kind, i])
        if self.kind != DARK:
            beam = scene.beam(float(self.times()[i]))
            mean = beam + dark
        if self.kind == PROJECTION:
            mean = beam * scene.transmission(self.angles[i], scene.flaws.move(i, scene.seed)) + dark
            mean = scene.flaws.hits(mean, scene.photons, np.random.default_rng([scene.seed, 6, i]))
        if not scene.noise:
            return mean
        return np.minimum(rng.poisson(mean), np.iinfo(self.dtype).max)
