"""A diffraction map without a file: rings of a cubic powder under strain, with counting noise and the
exact truth.

    input:
      format: xrd.simulate
      simulate: {rows: 8, columns: 8, size: 192, strain: 1e-3}

Each ring is a pseudo-Voigt in 2 theta about Bragg's angle of its planes, which are further apart by the part
e_xx cos^2 chi + e_yy sin^2 chi. Rings of a second phase grow along x (`iron`), single grains light spots
(`spots`). Each frame has random numbers of its own: the data do not depend on the ranks.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.data.data import Data
from nanompi.data.source import Source, check_index, of_counts
from nanompi.methods.maps.xrd.geometry import Geometry
from nanompi.methods.maps.xrd.matrix import pixels
from nanompi.optics.geometry import PLANCK_C
from nanompi.step import param, reader, section

HKL = ((1, 1, 1), (2, 0, 0), (2, 2, 0))  # rings of a face-centred lattice that stand apart
IRON, IRON_RINGS = 2.8665e-10, {(1, 1, 0): 1.0, (2, 0, 0): 0.3}  # m, edge of the cell; parts of its rings
GLEAM = 20.0  # times `counts`, of each pixel of a spot
AXES = ("y", "x", "row", "column")


@section
class PatternSimulation:
    """What is simulated."""

    rows: int = param(8, ge=1, le=10_000, level="basic", help="points along y")
    columns: int = param(8, ge=1, le=10_000, level="basic", help="points along x")
    size: int = param(192, ge=32, le=16384, unit="px", help="rows and columns of a frame")
    pixel: float = param(200e-6, unit="m", gt=0, help="detector pixel size")
    distance: float = param(0.1, unit="m", gt=0, help="from the sample to the detector")
    wavelength: float = param(0.3e-10, unit="m", gt=0, help="wavelength")
    tilt: float = param(0.0, unit="rad", bare="deg", help="of the detector, about both of its axes")
    lattice: float = param(5.4115e-10, unit="m", gt=0, help="edge of the cubic cell")
    width: float = param(0.3, gt=0, le=90, help="full width of a ring at half maximum, deg")
    mixing: float = param(
        0.0, ge=0, le=1, help="part of a ring that is Lorentzian, the rest is a Gauss function"
    )
    counts: float = param(
        20.0, gt=0, le=1e8, level="basic", help="counts of a pixel on top of the first ring, about"
    )
    background: float = param(2.0, ge=0, le=1e8, help="counts of a pixel between the rings")
    strain: float = param(1e-3, help="largest mean strain; it changes over the map")
    shear: float = param(0.0, help="largest half difference of the strains along x and y")
    texture: float = param(
        0.0, ge=0, lt=1, help="part by which the rings are brighter along 30 deg, darker across"
    )
    iron: float = param(
        0.0,
        ge=0,
        le=1e6,
        help="counts on top of the first ring of alpha iron at the last column; none at the first",
    )
    spots: int = param(0, ge=0, le=1000, help="single grains in each frame, which light 2 x 2 pixels")
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

    def brightest(self) -> float:
        """Counts that no pixel has more of in the mean: all rings at their brightest, iron, a spot"""
        return self.counts * (5 + GLEAM * bool(self.spots)) + self.iron + self.background

    def share(self) -> np.ndarray:
        """(columns,) how much of the iron of the last column there is"""
        return np.linspace(0, 1, self.columns)

    def places(self, y: int, x: int) -> np.ndarray:
        """(spots, 2) px, first row and column of the spots of a frame; none beside another or at the edge"""
        rng = np.random.default_rng((self.seed, y, x, 1))
        cells = np.stack(np.meshgrid(*[np.arange(8, self.size - 8, 16)] * 2), -1).reshape(-1, 2)
        return cells[rng.choice(len(cells), min(self.spots, len(cells)), replace=False)]

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
        self.dtype = of_counts(s.brightest(), s.noise)
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
        mean = expected(s, self._frame, *(e[y, x] for e in s.strains()), s.iron * s.share()[x])
        mean = mean.reshape(s.size, s.size)
        for row, column in s.places(y, x):
            mean[row : row + 2, column : column + 2] += GLEAM * s.counts
        counts = np.random.default_rng((s.seed, y, x)).poisson(mean) if s.noise else mean
        return counts.astype(self.dtype)


def expected(s: PatternSimulation, frame, along_x: float, along_y: float, iron: float = 0.0) -> np.ndarray:
    """(P,) mean counts of a frame without spots. iron : counts on top of its first ring"""
    geometry, cos2 = s.geometry(), np.cos(frame.chi) ** 2
    strain = along_x * cos2 + along_y * (1 - cos2)
    lit = 1 + s.texture * np.cos(2 * (frame.chi - np.deg2rad(30)))
    out = np.full(frame.r.shape, s.background)
    for area, d in zip(areas(s), spacings(s)):
        u = 2 * (frame.r - geometry.of_spacing(d * (1 + strain), "2th_deg")) / s.width
        out += lit * area / s.width * _shape(u, s.mixing)
    for hkl, part in IRON_RINGS.items() if iron else ():
        at = geometry.of_spacing(IRON / np.linalg.norm(hkl), "2th_deg")
        out += part * iron * _shape(2 * (frame.r - at) / s.width, s.mixing)
    return frame.norm * out


def _shape(u: np.ndarray, mixing: float) -> np.ndarray:
    """Area 1 over the width. u : from the middle, in half widths"""
    gauss = 2 * np.sqrt(np.log(2) / np.pi) * np.exp(-np.log(2) * u * u)
    return (1 - mixing) * gauss + mixing * 2 / np.pi / (1 + u * u)


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
