"""A diffraction map without a file: rings of a cubic powder under strain, with counting noise and the
exact truth.

    input:
      format: xrd.simulate
      simulate: {rows: 8, columns: 8, size: 192, strain: 1e-3}

Each ring is a pseudo-Voigt in 2 theta about Bragg's angle of its planes, which are further apart by the part
e_xx cos^2 chi + e_yy sin^2 chi. Each frame has random numbers of its own: the data do not depend on the
ranks.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.data.data import Data
from nanompi.data.source import Source, check_index
from nanompi.methods.maps.xrd.geometry import Geometry
from nanompi.methods.maps.xrd.matrix import pixels
from nanompi.optics.geometry import PLANCK_C
from nanompi.step import param, reader, section

HKL = ((1, 1, 1), (2, 0, 0), (2, 2, 0))  # rings of a face-centred lattice that stand apart
AXES = ("y", "x", "row", "column")


@section
class PatternSimulation:
    """What is simulated."""

    rows: int = param(8, ge=1, level="basic", help="points along y")
    columns: int = param(8, ge=1, level="basic", help="points along x")
    size: int = param(192, ge=32, unit="px", help="rows and columns of a frame")
    pixel: float = param(200e-6, unit="m", gt=0, help="detector pixel size")
    distance: float = param(0.1, unit="m", gt=0, help="from the sample to the detector")
    wavelength: float = param(0.3e-10, unit="m", gt=0, help="wavelength")
    tilt: float = param(0.0, unit="rad", bare="deg", help="of the detector, about both of its axes")
    lattice: float = param(5.4115e-10, unit="m", gt=0, help="edge of the cubic cell")
    width: float = param(0.3, gt=0, help="full width of a ring at half maximum, deg")
    mixing: float = param(
        0.0, ge=0, le=1, help="part of a ring that is Lorentzian, the rest is a Gauss function"
    )
    counts: float = param(20.0, gt=0, level="basic", help="counts of a pixel on top of the first ring, about")
    background: float = param(2.0, ge=0, help="counts of a pixel between the rings")
    strain: float = param(1e-3, help="largest mean strain; it changes over the map")
    shear: float = param(0.0, help="largest half difference of the strains along x and y")
    texture: float = param(
        0.0, ge=0, lt=1, help="part by which the rings are brighter along 30 deg, darker across"
    )
    noise: bool = param(True, help="Poisson counts; otherwise the exact means in float32")
    seed: int = param(1, ge=0, help="another number gives other noise")

    def geometry(self) -> Geometry:
        """The detector, the beam a little off its middle."""
        middle = self.size * self.pixel / 2
        poni = (middle + 3.3 * self.pixel, middle - 2.1 * self.pixel)
        shape = (self.size, self.size)
        turned = (self.tilt, -self.tilt, 0.0)
        return Geometry(
            self.distance, poni, turned, (self.pixel, self.pixel), self.wavelength, 3, shape, "simulation"
        )

    def strains(self) -> tuple[np.ndarray, np.ndarray]:
        """(y, x) strains along x and along y."""
        y, x = np.linspace(-1, 1, self.rows)[:, None], np.linspace(-1, 1, self.columns)
        mean = self.strain * 0.5 * (y + np.cos(np.pi * x))
        shear = self.shear * np.sin(np.pi * (x + y) / 2)
        return mean + shear, mean - shear


@dataclass
class SimulatedPatterns(Source):
    """Rows of a map of frames, made when they are read. scene : what is simulated."""

    scene: PatternSimulation

    def __post_init__(self):
        s = self.scene
        self.shape = (s.rows, s.columns, s.size, s.size)
        self.dtype = np.dtype(np.uint16 if s.noise else np.float32)
        self._frame = None

    def __getstate__(self):
        return {**self.__dict__, "_frame": None}

    def origin(self) -> list:
        """What is simulated."""
        return ["xrd.simulate", *vars(self.scene).values()]

    def read(self, index, threads: int = 1) -> np.ndarray:
        """(len(index), columns, size, size)"""
        index = check_index(index, self.shape[0], "simulated patterns")
        if self._frame is None:
            s = self.scene
            self._frame = pixels(s.geometry(), (s.size, s.size), slice(0, s.size), "2th_deg", 0.99)
        return np.stack([[self._one(y, x) for x in range(self.shape[1])] for y in index])

    def _one(self, y: int, x: int) -> np.ndarray:
        s = self.scene
        mean = expected(s, self._frame, *(e[y, x] for e in s.strains())).reshape(s.size, s.size)
        if not s.noise:
            return mean.astype(np.float32)
        return np.random.default_rng((s.seed, y, x)).poisson(mean).astype(np.uint16)


def expected(s: PatternSimulation, frame, along_x: float, along_y: float) -> np.ndarray:
    """(P,) mean counts of a frame."""
    geometry, cos2 = s.geometry(), np.cos(frame.chi) ** 2
    strain = along_x * cos2 + along_y * (1 - cos2)
    lit = 1 + s.texture * np.cos(2 * (frame.chi - np.deg2rad(30)))
    out = np.full(frame.r.shape, s.background)
    for area, d in zip(areas(s), spacings(s)):
        u = 2 * (frame.r - geometry.of_spacing(d * (1 + strain), "2th_deg")) / s.width
        gauss = 2 * np.sqrt(np.log(2) / np.pi) * np.exp(-np.log(2) * u * u)
        out += lit * area / s.width * ((1 - s.mixing) * gauss + s.mixing * 2 / np.pi / (1 + u * u))
    return frame.norm * out


def areas(s: PatternSimulation) -> list[float]:
    """Of the rings, counts x deg."""
    return [s.counts * s.width * part for part in (1.0, 0.6, 0.8)]


def spacings(s: PatternSimulation) -> list[float]:
    """m, of the planes without strain"""
    return [s.lattice / np.sqrt(sum(n * n for n in hkl)) for hkl in HKL]


@reader("xrd.simulate", gives={"data": " ".join(AXES)}, steps=("xrd.strain",))
class SimulatePatterns:
    """A simulated diffraction map, by `format: xrd.simulate`."""

    simulate: PatternSimulation = param(PatternSimulation(), level="basic", help="what is simulated")

    def open(self, file: str, given) -> dict[str, Data]:
        """The frames are made when they are read; beside them are geometry and truth."""
        s = self.simulate
        along_x, along_y = s.strains()
        truth = {
            "strain_xx": along_x,
            "strain_yy": along_y,
            "areas": np.array(areas(s)),
            "spacings": spacings(s),
        }
        facts = {"energy": PLANCK_C / s.wavelength, "distance": s.distance, "pixel": s.pixel}
        data = Data(
            axes=AXES,
            source=SimulatedPatterns(s),
            coords={"y": (np.arange(s.rows) * 1e-7, "m"), "x": (np.arange(s.columns) * 1e-7, "m")},
            facts=facts,
            beside={"geometry": s.geometry(), "truth": truth},
            unit="counts",
            title="frames",
            file="simulation",
            format=self.name,
            notes=[f"simulated: rings of {s.width:g} deg, strain up to {s.strain:g}"],
        )
        return {"data": data}
