"""One diffraction pattern, or some exposures of it, from HDF5 and CXI, NumPy or TIFF files.

    input:
      file: crystal.cxi
      format: cdi.pattern
      paths: {pattern: /entry/data/data, mask: /entry/data/mask}
      volume: true

A stack (n, rows, columns) is n exposures of one pattern, which are added; with `volume: true` it is one
pattern in three dimensions, its planes evenly spaced. CXI files of a single image without positions are
known by themselves.
"""

import os
from dataclasses import dataclass

import numpy as np

from nanompi.data.data import Data
from nanompi.data.source import Source, check_index
from nanompi.data.stored import Hdf5Frames
from nanompi.data.tiffs import ENDINGS, TiffFrames, tiffs_in
from nanompi.errors import DataError, JobError, nearest
from nanompi.io.hdf5 import foreign, is_hdf5, must_exist, open_hdf5
from nanompi.io.quantities import HC, unless_given, wavelength_of
from nanompi.methods.ptycho.read import layout
from nanompi.methods.ptycho.read.masks import good_pixels
from nanompi.run.reading import Input
from nanompi.step import param, reader

PATHS = ("pattern", "mask", "energy", "wavelength", "distance")
LARGEST = 256 << 20  # bytes of a pattern that `nanompi inspect` reads
PLACES = layout.PLACES | {"pattern": layout.PLACES["frames"]}
EXPOSURES, VOLUME = ("exposure", "row", "column"), ("plane", "row", "column")


@dataclass
class ArrayFile(Source):
    """Images in a file of NumPy, read when they are asked for."""

    file: str

    def __post_init__(self):
        given = self._mapped()
        if given.ndim not in (2, 3) or not given.size:
            raise DataError(f"{self.file} has the shape {given.shape}; a pattern has two or three axes")
        self.shape = (1,) * (3 - given.ndim) + given.shape
        self.dtype, self.where = given.dtype, self.file

    def _mapped(self):
        must_exist(self.file)
        with foreign(self.file):
            return np.load(self.file, mmap_mode="r", allow_pickle=False)

    def reachable(self) -> bool:
        """Can this rank see the file?"""
        return os.path.isfile(self.file)

    def origin(self) -> list:
        """The file."""
        return ["npy", {"file": self.file}]

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Images `index`: (len(index), rows, columns)."""
        index = check_index(index, self.shape[0], self.where)
        return np.ascontiguousarray(self._mapped().reshape(self.shape)[index])


@dataclass
class PatternData(Data):
    """Data that know what is amiss with the pattern in them, for `nanompi inspect`."""

    def described(self) -> list[tuple[str, str]]:
        """Reads patterns of at most LARGEST bytes."""
        from nanompi.methods.cdi.pattern import cut_off, dark_centre, friedel_centre
        from nanompi.methods.cdi.prepare import loaded

        out = super().described()
        if np.prod(self.shape) * self.dtype.itemsize > LARGEST:
            return out
        counts, good = loaded(self, None, 1)
        centre = friedel_centre(counts, good)
        out.append(("centre", f"{', '.join(f'{c:g}' for c in centre)} px, by its symmetry"))
        amiss = filter(None, (dark_centre(counts, good, centre), cut_off(counts, good)))
        return out + [("note", f"{one['words']}; in the step cdi: {one['paste']}") for one in amiss]


@reader("cdi.pattern", steps=("cdi",))
class Pattern:
    """A diffraction pattern of any HDF5, CXI, NumPy or TIFF file, by `format: cdi.pattern`; CXI files of one
    image by themselves."""

    paths: dict[str, str] = param(
        {}, level="basic", help="where the datasets of an HDF5 file are: pattern, mask, energy, distance"
    )
    units: dict[str, str] = param({}, help="unit of each of them, where the file does not say it")
    volume: bool = param(
        False, level="basic", help="a stack is one pattern in three dimensions, and not exposures to be added"
    )

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """Is it a CXI file of one image, without places?"""
        if given.get("volume") is not None or "pattern" in (given.get("paths") or {}):
            return True
        if not is_hdf5(path):
            return False
        with open_hdf5(path) as file:
            if any(layout.has(file, PLACES[name]) for name in ("translation", "x", "y")):
                return False
            of = layout.Layout(file, layout.entry_of(file), PLACES)
            found = of.find("pattern") if layout.has(file, PLACES["pattern"]) else None
            return found is not None and found.ndim == 2 and found.dtype.kind in "biuf"

    def open(self, file: str, given: Input) -> Data:
        """Nothing is loaded. Errors: JobError, DataError naming file and dataset."""
        for name in (*self.paths, *self.units):
            if name not in PATHS:
                allowed = f"{', '.join(PATHS)}{nearest(name, PATHS)}"
                raise JobError(f'input.paths: "{name}" is not one of {allowed}')
        if is_hdf5(file):
            out = self._hdf5(file, given)
        else:
            if self.paths:
                raise JobError(f"input.paths: {file} is no HDF5 file, in which there would be paths")
            out = self._data(_source(file), file)
        if out.dtype.kind not in "biuf":
            raise DataError(f"{out.source.where} has values of type {out.dtype}; counts are real numbers")
        if given.wavelength:
            out.facts["energy"] = HC / given.wavelength
        if given.gain != "auto":
            out.facts["gain"] = float(given.gain)
        return out

    def _data(self, source, file: str, notes=()) -> Data:
        axes = VOLUME if self.volume else EXPOSURES
        if self.volume and source.shape[0] < 2:
            raise DataError(f"{source.where} has one plane; a pattern without planes needs no `volume: true`")
        about = {"unit": "counts", "title": "pattern", "file": file, "format": self.name}
        return PatternData(axes=axes, source=source, notes=list(notes), **about)

    def _hdf5(self, file: str, given: Input) -> Data:
        with open_hdf5(file) as opened:
            of = layout.Layout(opened, layout.entry_of(opened) or "entry_1", PLACES, self.paths, self.units)
            source = Hdf5Frames.of(opened, of.need("pattern"))
            out = self._data(source, file, of.notes)
            out.notes = of.notes
            if (mask := of.find("mask")) is not None:
                out.beside["mask"] = self._mask(mask, source, given, of)
            job = bool(given.energy or given.wavelength)
            wave = wavelength_of(lambda: of.length("wavelength"), lambda: layout.energy(of), job, of.notes)
            known = given.known_distance is not None
            distance = unless_given(lambda: of.length("distance"), known, "distance", of.notes)
            pixel = unless_given(lambda: layout.pixel(of), given.pixel is not None, "pixel", of.notes,
                                 (np.nan, np.nan))  # fmt: skip
        facts = {"energy": HC / wave, "distance": abs(distance), "pixel": float(np.mean(pixel))}
        out.facts |= {name: float(value) for name, value in facts.items() if np.isfinite(value)}
        return out

    def _mask(self, raw, source, given: Input, of) -> np.ndarray:
        """True = good, (rows, columns); of a volume also (planes, rows, columns)"""
        where = of.where(raw)
        if self.volume and raw.shape == source.shape:
            values = raw[()]
            good = values != 0 if given.mask_good == "nonzero" else values == 0
        else:
            good = good_pixels(raw, given.mask_good, "zero", where, of.notes)
        if good.shape not in (source.shape, source.shape[1:]):
            raise DataError(f"{where} has the shape {raw.shape}, the pattern {source.shape}; they must agree")
        return good


def _source(file: str) -> Source:
    """Of a file that is no HDF5 file, or of a folder of TIFF files. Errors: DataError."""
    if os.path.isdir(file):
        from pathlib import Path

        if files := tiffs_in(Path(file)):
            return TiffFrames.of(files, file)
        raise DataError(f"{file}: there are no TIFF files in this folder")
    if file.lower().endswith(ENDINGS):
        must_exist(file)
        return TiffFrames.of([file], file)
    if file.lower().endswith(".npy"):
        return ArrayFile(os.path.abspath(file))
    must_exist(file)
    raise DataError(f"{file} is neither an HDF5, a TIFF nor a NumPy file (.npy); a pattern is one of these")
