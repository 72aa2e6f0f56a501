"""A tomogram without a file: ellipsoids in an uneven beam, with counting noise and the exact truth.

    input:
      format: tomo.simulate
      simulate: {angles: 180, size: 128, rows: 8, photons: 1e4, centre: 66.2 px}

`sample: 1.5` is wider than the detector; with `span: 360 deg` and the axis near one side (`centre: 20 px`)
each side of it is seen once. `delta_beta` with energy and distance gives phase contrast (`contrast`), the
last ones what is wrong with detectors and beams (`flaws`).

Line integrals are exact (`phantom`); flats and darks have noise of their own. Each image has its own random
numbers, so that any rank can make any of them and the data do not depend on the ranks.
"""

import numpy as np

from nanompi.data.data import Data
from nanompi.methods.tomo.phantom import RADIUS, grains
from nanompi.methods.tomo.read.angle import evenly
from nanompi.methods.tomo.read.contrast import Contrast
from nanompi.methods.tomo.read.flaws import Flaws
from nanompi.methods.tomo.read.part import Part
from nanompi.methods.tomo.read.scene import DARK, FLAT, PROJECTION, Scene, SimulatedImages, SimulatedSlices
from nanompi.methods.tomo.read.tomogram import GIVES, STEPS, Tomogram
from nanompi.optics.geometry import PLANCK_C
from nanompi.step import param, reader, section
from nanompi.units import EV


@section
class TomogramSimulation:
    """What is simulated."""

    angles: int = param(180, ge=2, le=1_000_000, level="basic", help="how many projections")
    span: float = param(
        np.pi, unit="rad", bare="deg", gt=0, help="the angle that they cover, its end left out"
    )
    size: int = param(128, ge=16, le=16384, unit="px", level="basic", help="columns of a projection")
    rows: int = param(8, ge=1, le=65536, unit="px", level="basic", help="rows of a projection")
    centre: float | None = param(None, unit="px", help="column of the rotation axis; the middle if not given")
    sample: float = param(RADIUS, gt=0, le=4, help="width of the sample, of that of the detector")
    photons: float = param(
        1e4, gt=0, le=1e15, level="basic", help="mean counts of a pixel without the sample"
    )
    thickness: float = param(1.5, gt=0, le=100, help="line integral through the middle of the sample")
    pixel: float = param(1e-6, unit="m", gt=0, help="pixel size on the sample")
    images: int = param(20, ge=1, le=10_000, help="how many flat and how many dark images")
    noise: bool = param(True, help="Poisson counts; otherwise the exact means in float32")
    seed: int = param(1, ge=0, help="another number gives another sample, beam and noise")
    energy: float = param(20e3 * EV, unit="J", bare="keV", gt=0, help="photon energy, for phase contrast")
    distance: float = param(
        0.0, unit="m", ge=0, le=1e4, help="from the sample to the detector, for phase contrast"
    )
    delta_beta: float = param(0.0, ge=0, le=1e6, help="of the sample; 0 = absorption alone")
    stripes: float = param(0.0, ge=0, le=0.2, help="rms gain error of columns that the flats do not have")
    dead: float = param(0.0, ge=0, le=0.4, help="part of the pixels that see no beam")
    zingers: float = param(0.0, ge=0, le=0.1, help="part of the pixels of a projection hit by stray photons")
    drift: float = param(0.0, ge=0, lt=1, help="part of the beam lost between flats before and flats after")
    jitter: float = param(
        0.0, ge=0, le=1000, unit="px", help="rms by which each projection stands off, down and to the right"
    )

    def scene(self) -> Scene:
        """What is before the detector, and the detector."""
        centre = (self.size - 1) / 2 if self.centre is None else self.centre
        phantom = grains(self.size * self.sample / RADIUS, self.rows, self.thickness, self.seed)
        flaws = Flaws(self.stripes, self.dead, self.zingers, self.drift, self.jitter)
        way = Contrast(self.distance, PLANCK_C / self.energy, self.pixel, self.delta_beta)
        own = (self.photons, self.noise, self.seed, flaws, way if self.distance else None)
        return Scene(phantom, (self.rows, self.size), centre, *own)

    def facts(self) -> dict[str, float]:
        """Pixel, and of phase contrast energy and distance."""
        known = {"pixel": self.pixel}
        return known | ({"energy": self.energy, "distance": self.distance} if self.distance else {})


@reader("tomo.simulate", gives=GIVES, steps=STEPS)
class SimulateTomogram(Part):
    """A simulated tomogram, by `format: tomo.simulate`."""

    simulate: TomogramSimulation = param(TomogramSimulation(), level="basic", help="what is simulated")

    def open(self, file: str, given) -> dict[str, Data]:
        """The images are made when they are read; beside them is the truth, as slices."""
        s = self.simulate
        scene = s.scene()
        flats, darks = (SimulatedImages(scene, kind, np.zeros(s.images)) for kind in (FLAT, DARK))
        angles = evenly(s.span, s.angles)
        projections = SimulatedImages(scene, PROJECTION, angles)
        notes = [f"simulated: {s.photons:.3g} counts of a pixel, rotation axis at column {scene.centre:g}"]
        tomogram = Tomogram(projections, angles, flats, darks, s.facts(), notes)
        if s.drift:
            tomogram.per_row, tomogram.per_flat = ({
                "time": one.times(), "current": np.array([scene.beam(t).mean() for t in one.times()]),
            } for one in (projections, flats))  # fmt: skip
        data = self.of(tomogram).data("simulation", self.name)
        truth = self.of_slices(SimulatedSlices(scene, s.pixel))
        data.beside |= {} if truth is None else {"truth": truth}
        if s.jitter:
            data.beside["jitter"] = np.array([scene.flaws.move(i, s.seed) for i in range(s.angles)])
        return {"data": data}
