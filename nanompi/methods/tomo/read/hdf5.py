"""Any HDF5 file with a tomogram, its datasets named in the job.

input:
  file: scan.h5
  format: tomo.hdf5
  paths: {data: /raw/images, angle: /raw/phi, flat: /raw/open, dark: /raw/closed}
  units: {angle: deg}
"""

from typing import Literal

from nanompi.errors import DataError, JobError, nearest
from nanompi.io.hdf5 import open_hdf5
from nanompi.methods.tomo.read import fields
from nanompi.methods.tomo.read.stored import StoredTomogram
from nanompi.methods.tomo.read.tomogram import GIVES, STEPS, Tomogram
from nanompi.step import param, reader

FACTS = ("pixel", "energy", "distance")
PATHS = ("data", "angle", "flat", "dark", *FACTS)


@reader("tomo.hdf5", gives=GIVES, steps=STEPS)
class Hdf5Tomogram(StoredTomogram):
    """Any HDF5 file with a tomogram, by `format: tomo.hdf5` and `paths:`."""

    paths: dict[str, str] = param(
        {}, level="basic", help="where the datasets are: data, angle, flat, dark, and pixel, energy, distance"
    )
    holds: Literal["counts", "lines"] = param(
        "counts", help="what data is: counts of a detector, or line integrals, which need no flats"
    )

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """Never by a file."""
        return False

    def tomogram(self, file: str) -> Tomogram:
        """The tomogram of a file; nothing is loaded. Errors: JobError, DataError naming file and dataset."""
        for name in self.paths:
            if name not in PATHS:
                allowed = f"{', '.join(PATHS)}{nearest(name, PATHS)}"
                raise JobError(f'input.paths: "{name}" is not one of {allowed}')
        if "data" not in self.paths:
            raise JobError("input.paths: data is missing; name the dataset of the projections")
        notes: list[str] = []
        with open_hdf5(file) as opened:
            images = {name: self._images(opened, name) for name in ("data", "flat", "dark")}
            where = (self.paths["angle"],) if "angle" in self.paths else ()
            angles = fields.angles(
                opened, where or ("paths: {angle: ...}",), images["data"].shape[0], self, notes
            )
            places = {name: (self.paths[name],) for name in FACTS if name in self.paths}
            facts = fields.facts(opened, places, self, notes)
        own = Tomogram(images["data"], angles, images["flat"], images["dark"], facts, notes).checked()
        own.unit = "counts" if self.holds == "counts" else "1"
        return own

    def _images(self, opened, name: str):
        """The images of a path; None where none is given. Errors: DataError where it leads to none."""
        if name not in self.paths:
            return None
        images = fields.images(opened, self.paths[name])
        if images is None:
            raise DataError(f"{opened.filename}: {self.paths[name]} (paths: {name}) is missing or empty")
        return images
