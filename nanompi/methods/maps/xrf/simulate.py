"""A fluorescence map without a file, with its exact truth: round grains of some elements over a film.

    input:
      format: xrf.simulate
      simulate: {rows: 24, columns: 32, counts: 2000, slope: 9.6 eV}

With `beam: RUN`, a run of simulated ptychography, each point counts what lies under the whole of its true
probe, as in a scan of both; beside the map stands the sharp one.

Lines and peaks are those of xraylib and `response`; detectors have slopes that differ by a few parts in a
thousand and see unlike parts of the light. Each row of the map has random numbers of its own, so that any
rank can make any of them and the data do not depend on the ranks.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from nanompi.data.data import Data
from nanompi.data.source import Source, of_counts
from nanompi.errors import DataError, JobError
from nanompi.methods.maps.read.spectra import GIVES, POINTS, STEPS, Spectra
from nanompi.step import param, reader, section
from nanompi.units import EV

FILM = {"Si_K": 0.09, "Ar_K": 0.13, "Ca_K": 0.2, "elastic": 0.08, "compton": 0.15, "background": 0.12}
GRAINS = {"Ti_K": 0.03, "Mn_K": 0.02, "Fe_K": 0.3, "Co_K": 0.01, "Cu_K": 0.12, "Zn_K": 0.06}
SPREAD = 0.004  # of the slopes of detectors
DECAY = 2500.0  # eV, in which the background falls by e
REACH = 500.0  # eV above the beam: the last channel
LOW = 1200.0  # eV, below which nothing is fitted
STRAY = 0.1  # of a step, by which points of a fly scan are off at most


@section
class SpectraSimulation:
    """What is simulated."""

    rows: int = param(24, ge=1, le=10_000, level="basic", help="rows of the map")
    columns: int = param(32, ge=1, le=10_000, level="basic", help="columns of the map")
    step: float = param(200e-9, unit="m", gt=0, help="between its points")
    detectors: int = param(2, ge=1, le=16, help="detectors; each sees less than the one before")
    counts: float = param(
        2000.0, gt=0, le=1e8, level="basic", help="mean counts of a point above 1.2 keV in all detectors"
    )
    energy: float = param(10e3 * EV, unit="J", bare="keV", ge=1e3 * EV, le=200e3 * EV, help="of the beam")
    slope: float = param(9.6 * EV, unit="J", bare="eV", ge=0.5 * EV, le=500 * EV, help="of a channel")
    said: float = param(
        0.0, unit="J", bare="eV", ge=0, help="of a channel, as the file would have it; 0 = not at all"
    )
    dead: int = param(0, ge=0, le=16, help="how many of the detectors see nothing, the last ones")
    absent: int = param(0, ge=0, le=100_000_000, help="points at the end of the map that were not measured")
    scan: Literal["raster", "snake", "fly"] = param(
        "raster",
        help="snake: rows to and fro, stored as measured; fly: the same as points whose places encoders tell",
    )
    strong: float = param(
        0.0, ge=0, le=1e8, help="counts of Fe in every second row, in place of what is there"
    )
    noise: bool = param(True, help="Poisson counts; otherwise the exact means in float32")
    seed: int = param(1, ge=0, help="another number gives other grains and other noise")
    beam: str = param(
        "",
        kind="file",
        help="run of simulated ptychography, whose true probe is the beam; else it is a point",
    )

    def truth(self, names, shape: tuple[int, int] | None = None) -> np.ndarray:
        """(m, rows, columns) counts, the elements in grains whose mean is as it should be; of the map, or of
        the same field in another number of rows and columns."""
        rng, shares = np.random.default_rng([self.seed, 0]), FILM | GRAINS
        rows, columns = shape or (self.rows, self.columns)
        y, x = np.mgrid[:rows, :columns]
        out = np.empty((len(names), rows, columns))
        for own, name in zip(out, names):
            own[:] = 1.0
            if name in GRAINS:
                own[:] = 0.05
                for _ in range(6):
                    row, column = rng.uniform(0, rows), rng.uniform(0, columns)
                    radius = rng.uniform(0.08, 0.25) * (rows + columns) / 2
                    own += np.maximum(1 - ((y - row) ** 2 + (x - column) ** 2) / radius**2, 0)
            own *= self.counts * shares[name] / sum(shares.values()) / own.mean()
        if self.strong:
            out[names.index("Fe_K"), ::2] = self.strong
        return out


def blurred(s: SpectraSimulation, names) -> tuple[np.ndarray, np.ndarray]:
    """(m, rows, columns) counts under the whole beam, and (m, finer rows, finer columns) without it, on about
    the pixel of the probe. Errors: DataError where the run has no true probe."""
    from nanompi.methods.maps.xrf.deblur import Blur, window_of
    from nanompi.methods.ptycho.earlier_result import load_result
    from nanompi.methods.ptycho.wave import Wave

    found = load_result(s.beam, only=("truth_probe", "pixel"))
    if "truth_probe" not in found:
        raise DataError(f"{s.beam}: its probe is not known: `beam` is a run of simulated ptychography")
    finer = max(1, round(s.step / float(found["pixel"].min())))
    wave = Wave(found["truth_probe"], found["pixel"], s.beam)
    blur = Blur(window_of(wave, [s.step / finer] * 2), (s.rows, s.columns), (finer, finer))
    sharp = s.truth(names, blur.size)
    return np.array([blur.forward(one) for one in sharp]), np.array([blur.scanned(one) for one in sharp])


def model_of(s: SpectraSimulation):
    """The exact model of a simulation, with all detectors."""
    from nanompi.methods.maps.xrf.model import Model
    from nanompi.methods.maps.xrf.response import START, Detector, columns, energies_of, peaks_of

    elements = [name for name in (*FILM, *GRAINS) if name.endswith("_K")]
    energy, slope = s.energy / EV, s.slope / EV
    channels = int((energy + REACH) / slope)
    lines = peaks_of(elements, energy, Detector())
    names = [*elements, "elastic", "compton", "background"]
    every, peak = np.empty((s.detectors, channels, len(names))), []
    for i in range(s.detectors):
        p = START | {"slope": slope * (1 + SPREAD * i), "energy": energy, "offset": 5.0 * i}
        smooth = np.exp(-energies_of(p, np.arange(channels)) / DECAY)
        every[i] = np.column_stack([columns(p, lines, 0, channels), smooth])
        every[i] *= (1 - 0.5 * i / s.detectors) * (i < s.detectors - s.dead) / every[i].sum(0)
        peak.append(p)
    energies = np.stack([energies_of(p, np.arange(channels)) for p in peak])
    good = (energies > LOW) & (every.sum((1, 2)) > 0)[:, None]
    every /= (every * good[:, :, None]).sum((0, 1))
    return Model(names, every, good, energies, (every * good[:, :, None]).sum(1), peak, energy)


def encoders(s: SpectraSimulation) -> np.ndarray:
    """(rows * columns, 2) steps, row and column of each point of a fly scan in the order of measurement,
    every second row backwards; each strays."""
    column = np.tile(np.arange(s.columns, dtype=float), (s.rows, 1))
    column[1::2] = column[1::2, ::-1]
    planned = np.stack([np.repeat(np.arange(s.rows, dtype=float), s.columns), column.ravel()], 1)
    return planned + np.random.default_rng([s.seed, 0, 1]).uniform(-STRAY, STRAY, planned.shape)


@dataclass
class SimulatedSpectra(Source):
    """Rows of a map: (columns, detectors, channels) each, made when they are read.

    expected : (m, rows, columns) counts; model : of all detectors; lost : points at the end
    """

    expected: np.ndarray
    model: object
    s: SpectraSimulation
    shape: tuple[int, ...] = field(init=False)
    dtype: np.dtype = field(init=False)

    def __post_init__(self):
        self.shape = (*self.expected.shape[1:], *self.model.good.shape)
        most = self.expected.max((1, 2)) @ self.model.columns.max((0, 1))
        self.dtype = of_counts(float(most), self.s.noise)

    def read(self, index, threads=1) -> np.ndarray:
        """(len(index), columns, detectors, channels)"""
        return np.stack([self._row(int(row)) for row in index])

    def _row(self, row: int) -> np.ndarray:
        d, channels, m = self.model.columns.shape
        mean = (self.expected[:, row].T @ self.model.columns.reshape(-1, m).T).reshape(-1, d, channels)
        mean = mean[::-1] if self.s.scan == "snake" and row % 2 else mean
        if self.s.noise:
            mean = np.random.default_rng([self.s.seed, 1 + row]).poisson(mean)
        mean[~self.measured()[row]] = 0
        return mean.astype(self.dtype)

    def measured(self) -> np.ndarray:
        """(rows, columns) bool"""
        size = self.expected[0].size
        return (np.arange(size) < size - self.s.absent).reshape(self.expected.shape[1:])


class SimulatedPoints(SimulatedSpectra):
    """The same of points: (detectors, channels) each. expected : (m, points, 1)"""

    def __post_init__(self):
        super().__post_init__()
        self.shape = (self.shape[0], *self.shape[2:])

    def read(self, index, threads=1) -> np.ndarray:
        """(len(index), detectors, channels)"""
        return super().read(index)[:, 0]


@reader("xrf.simulate", gives=GIVES, steps=STEPS)
class SimulateSpectra:
    """A simulated fluorescence map, by `format: xrf.simulate`."""

    simulate: SpectraSimulation = param(SpectraSimulation(), level="basic", help="what is simulated")

    def __post_init__(self):
        if self.simulate.scan == "fly":
            self.gives = {"data": POINTS}

    def open(self, file: str, given) -> dict[str, Data]:
        """Spectra are made when they are read; beside them is the truth."""
        s = self.simulate
        if s.dead >= s.detectors:
            raise JobError(f"simulate.dead: {s.dead} of {s.detectors} detectors; one must see something")
        with np.errstate(divide="ignore", invalid="ignore"):
            model = model_of(s)
        if not np.isfinite(model.columns).all():
            text = f"simulate.energy: {s.energy / EV:g} eV does not excite all elements that are simulated"
            raise JobError(f"{text}; give more, such as 10 keV")
        expected, sharp = blurred(s, model.names) if s.beam else (s.truth(model.names), None)
        source, y, x = _scanned(s, expected, model)
        energies = np.arange(source.shape[-1]) * s.said / EV if s.said else None
        facts = {"energy": s.energy}
        notes = [f"simulated: {s.counts:.4g} counts of a point, {s.slope / EV:g} eV of a channel"]
        absent = ~source.measured().reshape(source.shape[:-2])
        own = {"energies": energies, "facts": facts, "notes": notes, "absent": absent}
        data = Spectra(source, y, x, **own).data("simulation", "xrf.simulate")
        data.beside["truth"] = dict(zip(model.names, expected))
        if sharp is not None:
            data.beside["sharp"] = dict(zip(model.names, sharp))
        return {"data": data}


def _scanned(s: SpectraSimulation, expected: np.ndarray, model):
    """(source, places along y, along x) of a scan of some kind. expected : (m, rows, columns)"""
    if s.scan != "fly":
        places = ((np.arange(n) * s.step, "m") for n in (s.rows, s.columns))
        return SimulatedSpectra(expected, model, s), *places
    from scipy.ndimage import map_coordinates

    at = encoders(s).T
    seen = np.stack([map_coordinates(one, at, order=1, mode="nearest") for one in expected])
    return SimulatedPoints(seen[..., None], model, s), *((place * s.step, "m") for place in at)
