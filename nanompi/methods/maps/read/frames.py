"""Detector frames of any HDF5 file: one image or a stack, with a scan or without.

input:
  file: scan.h5
  format: frames
  paths: {frames: /entry/data/data, y: /entry/y, x: /entry/x, mask: /entry/mask, energy: /entry/energy}

Frames (..., rows, columns) of two leading axes are a grid of points: what is made of them are maps. x and y
are one value for each point, or those along the axes of the grid.
"""

import numpy as np

from nanompi.data.data import Data
from nanompi.data.stored import Hdf5Frames
from nanompi.errors import DataError, JobError, nearest
from nanompi.io.hdf5 import at, dataset, hdf5, is_hdf5, open_hdf5, unit, whole
from nanompi.io.quantities import joules, one, scale_of
from nanompi.methods.maps.read import places
from nanompi.methods.ptycho.read.masks import good_pixels
from nanompi.step import param, reader

AXES = ("point", "row", "column")
SERIES = "imageseries/images"  # HEXRD
PATHS = ("frames", "y", "x", "mask", "energy")


@reader("frames", gives={"data": " ".join(AXES)}, steps=("xrd.integrate",))
class Frames:
    """Detector frames of any HDF5 file, without positions too, by `format: frames` and `paths:`; image series
    of HEXRD by themselves."""

    paths: dict[str, str] = param(
        {}, level="basic", help="where the datasets are: frames, and y, x, mask, energy"
    )
    units: dict[str, str] = param({}, help="unit of each of them, where the file does not say it")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """Is it an image series?"""
        if given.get("paths") or not is_hdf5(path):
            return False
        with open_hdf5(path) as opened:
            return isinstance(at(opened, SERIES), hdf5().Dataset)

    def open(self, file: str, given):
        """Nothing is loaded. Errors: JobError, DataError naming file and dataset."""
        for name in (*self.paths, *self.units):
            if name not in PATHS:
                raise JobError(
                    f'input.paths: "{name}" is not one of {", ".join(PATHS)}{nearest(name, PATHS)}'
                )
        with open_hdf5(file) as opened:
            path = self.paths.get("frames") or (SERIES if at(opened, SERIES) is not None else "")
            if not path:
                raise JobError("input.paths: frames is missing; name the dataset of the detector frames")
            lead = dataset(opened, path).shape[:-2]
            source = Hdf5Frames.of(opened, path)
            if source.dtype.kind not in "biuf":
                raise DataError(f"{source.where} has values of type {source.dtype}; counts are real numbers")
            out = Data(axes=AXES, source=source, unit="counts", title="frames", file=file, format=self.name)
            self._scan(opened, lead, out)
            self._known(opened, given, out)
        return {"data": out}

    def _scan(self, opened, lead: tuple[int, ...], out: Data) -> None:
        """Places of the points, and their grid where the frames have two leading axes."""
        lost = out.source.holes().frames
        if lost.any():
            out.per_row["absent"] = lost
            out.notes.append(
                f"warning: {out.source.where}: {int(lost.sum())} of {len(lost)} frames were never written"
            )
        along = {name: self._place(opened, name) for name in ("y", "x") if name in self.paths}
        n = out.source.shape[0]
        if len(lead) == 2:
            out.beside["grid"] = lead
            out.beside["grid_coords"] = fits = {}
            for name, values in along.items():
                where = f"{opened.filename}: {self.paths[name]} (paths: {name})"
                own, told = places.along(values, name, lead, where)
                fits |= {name: (own, "m")} if len(own) else {}
                out.notes += told
        elif along and len(along) == 2:
            for name, values in along.items():
                if values.size != n:
                    where = f"{opened.filename}: {self.paths[name]} (paths: {name})"
                    raise DataError(f"{where} has {values.size} values for {n} frames")
            out.coords["point"] = (np.stack([along["y"].ravel(), along["x"].ravel()], 1), "m")

    def _place(self, opened, name: str) -> np.ndarray:
        """m, as stored"""
        data = dataset(opened, self.paths[name])
        own = self.units.get(name) or unit(data) or "m"
        return whole(data).astype(float) * scale_of(own, "m", f"{opened.filename}: {self.paths[name]}")

    def _known(self, opened, given, out: Data) -> None:
        """Mask, and wavelength or energy."""
        if "mask" in self.paths:
            where = f"{opened.filename}: {self.paths['mask']}"
            raw = dataset(opened, self.paths["mask"])
            out.beside["mask"] = good_pixels(raw, given.mask_good, "zero", where, out.notes)
            if out.beside["mask"].shape != out.source.shape[1:]:
                shapes = f"{out.beside['mask'].shape}, the frames have {out.source.shape[1:]}"
                raise DataError(f"{where} has the shape {shapes}; they must agree")
        if given.wavelength:
            out.facts["wavelength"] = given.wavelength
        elif path := self.paths.get("energy"):
            data, where = dataset(opened, path), f"{opened.filename}: {path}"
            out.facts["energy"] = joules(
                one(whole(data), where), self.units.get("energy") or unit(data), where, out.notes
            )
