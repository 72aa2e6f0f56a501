"""A tomogram without a file: ellipsoids in an uneven beam, with counting noise and the exact truth.

    input:
      format: tomo.simulate
      simulate: {angles: 180, size: 128, rows: 8, photons: 1e4, centre: 66.2 px}

Line integrals are exact (`phantom`); flats and darks have noise of their own. Each image has its own random
numbers, so that any rank can make any of them and the data do not depend on the ranks.
"""

import numpy as np

from nanompi.data.data import Data
from nanompi.methods.tomo.phantom import grains
from nanompi.methods.tomo.read.angle import evenly
from nanompi.methods.tomo.read.scene import DARK, FLAT, PROJECTION, Scene, SimulatedImages, SimulatedSlices
from nanompi.methods.tomo.read.tomogram import GIVES, STEPS, Tomogram
from nanompi.step import param, reader, section


@section
class TomogramSimulation:
    """What is simulated."""

    angles: int = param(180, ge=2, help="how many projections")
    span: float = param(
        np.pi, unit="rad", bare="deg", gt=0, help="the angle that they cover, its end left out"
    )
    size: int = param(128, ge=16, unit="px", help="columns of a projection")
    rows: int = param(8, ge=1, unit="px", help="rows of a projection")
    centre: float | None = param(None, unit="px", help="column of the rotation axis; the middle if not given")
    photons: float = param(1e4, gt=0, help="mean counts of a pixel without the sample")
    thickness: float = param(1.5, gt=0, help="line integral through the middle of the sample")
    pixel: float = param(1e-6, unit="m", gt=0, help="pixel size on the sample")
    images: int = param(20, ge=1, help="how many flat and how many dark images")
    noise: bool = param(True, help="Poisson counts; otherwise the exact means in float32")
    seed: int = param(1, ge=0, help="another number gives another sample, beam and noise")


@reader("tomo.simulate", gives=GIVES, steps=STEPS)
class SimulateTomogram:
    """A simulated tomogram, by `format: tomo.simulate`."""

    simulate: TomogramSimulation = param(TomogramSimulation(), help="what is simulated")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """Never by a file."""
        return False

    def open(self, file: str, given) -> dict[str, Data]:
        """The images are made when they are read; beside them is the truth, as slices."""
        s = self.simulate
        centre = (s.size - 1) / 2 if s.centre is None else s.centre
        phantom = grains(s.size, s.rows, s.thickness, s.seed)
        scene = Scene(phantom, (s.rows, s.size), centre, s.photons, s.noise, s.seed)
        flats, darks = (SimulatedImages(scene, kind, np.zeros(s.images)) for kind in (FLAT, DARK))
        angles = evenly(s.span, s.angles)
        projections = SimulatedImages(scene, PROJECTION, angles)
        notes = [f"simulated: {s.photons:.3g} counts of a pixel, rotation axis at column {centre:g}"]
        tomogram = Tomogram(projections, angles, flats, darks, {"pixel": s.pixel}, notes)
        data = tomogram.data("simulation", self.name)
        data.beside["truth"] = SimulatedSlices(scene, s.pixel)
        return {"data": data}
