"""Stacks of images over photon energies: of an HDF5 file, a folder of TIFF files, a folder of runs.

input: {file: stack.h5}     # NXstxm, and others whose shapes and units tell: `layout`
input: {file: stack.h5, paths: {images: /entry/data, energies: /entry/energy, i0: /entry/i0}}
input: {file: tiffs, energies: energies.txt, i0: i0.txt}        # format: stack, where the text may be angles
input: {file: runs/fe-map, map: Fe_K, format: stack}            # one run for each energy: a map of each
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanompi.data.data import Data
from nanompi.data.source import Source, check_index
from nanompi.data.stored import Hdf5Frames
from nanompi.data.tiffs import TiffFrames, natural, numbers_of, tiffs_in
from nanompi.errors import DataError, JobError, nearest
from nanompi.io.hdf5 import at, dataset, foreign, is_hdf5, open_hdf5, real, text, unit, whole
from nanompi.io.quantities import scale_of
from nanompi.methods.maps.read import energies
from nanompi.methods.maps.read.layout import stack_paths
from nanompi.step import param, reader

PATHS = ("images", "energies", "i0", "x", "y")
AXES = ("energy", "y", "x")
STEPS = ("xanes.normalise",)
LIKELY = 200.0  # eV: smallest first energy of a text that is not taken for angles


@dataclass
class MapFiles(Source):
    """One map of each of several results, an image of a stack each."""

    files: list[str]
    path: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    where: str = ""
    chunk: int = 1

    def origin(self) -> list:
        """All files."""
        return ["maps", self.path, *({"file": file} for file in self.files)]

    def reachable(self) -> bool:
        """Can this process see the first file?"""
        return os.path.isfile(self.files[0])

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Images `index`: (len(index), y, x). Errors: DataError naming the file."""
        index = check_index(index, self.shape[0], self.where)
        return np.array([self._image(self.files[i]) for i in index], self.dtype).reshape(-1, *self.shape[1:])

    def _image(self, file: str) -> np.ndarray:
        with open_hdf5(file) as opened:
            image = whole(dataset(opened, self.path))
        if image.shape != self.shape[1:]:
            raise DataError(
                f"{file}: {self.path} has the shape {image.shape}, the first one {self.shape[1:]}"
            )
        return image


@dataclass(kw_only=True)
class EnergyStack(Data):
    """Images with their photon energies, as they were measured: `completed` puts them into rising order."""

    def completed(self, given) -> Data:
        """As the job wants it, `select` counting images as they are stored. Errors: DataError, JobError."""
        return energies.rising(super().completed(given))


@reader("stack", gives=None, steps=STEPS)
class Stack:
    """Images at photon energies, in any order: HDF5 by `paths:`, a folder of TIFF files, or of runs (`map:`).

    They are sorted by energy, which is said where they were measured otherwise.
    """

    paths: dict[str, str] = param(
        {}, level="basic", help="where the datasets are: images, energies, i0, x, y; else by shape and unit"
    )
    units: dict[str, str] = param({}, help="unit of energies, x or y, in place of what the file says")
    energies: str = param("", help="text with the energy of each image, from the folder of the images")
    i0: str = param("", help="text with the incident intensity at each energy, its last column")
    map: str = param("", help="name of a map in the results of runs, one run for each energy, such as Fe_K")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """HDF5 with a path of images, or with a stack by its shapes and units; a folder with `map:` or
        `energies:`, or with a text that holds them."""
        if given.get("map") or given.get("energies"):
            return os.path.isdir(path)
        if os.path.isfile(path):
            paths = given.get("paths")
            return is_hdf5(path) and ("images" in paths if paths else bool(stack_paths(path)))
        return bool(_text_of(Path(path), len(_images(Path(path)))))

    def open(self, file: str, given) -> dict[str, Data]:
        """Images with their energies; beside them i0. Nothing is loaded. Errors: JobError, DataError."""
        notes: list[str] = []
        kind = self._runs if self.map else self._tiffs if os.path.isdir(file) else self._hdf5
        source, along, more = kind(file, notes)
        axes = more.pop("axes", AXES)
        if axes[0] != "energy" and not given.select.whole:
            raise JobError(f"input.select: the first axis of {file} is {axes[0]}; `select` takes energies")
        energies.check_energies(along, given.select.numbers(len(along)), file)
        coords = {"energy": (along, "eV")} | more.pop("coords", {})
        if given.pixel and not coords.keys() & {"y", "x"}:
            sides = {axis: n for axis, n in zip(axes, source.shape) if axis != "energy"}
            coords |= {axis: (np.arange(n) * given.pixel, "m") for axis, n in sides.items()}
        if "i0" in more and not given.select.whole:
            more["i0"] = more["i0"][given.select.numbers(len(along))]
        about = {"title": "images", "file": file, "format": self.name, "notes": notes, "beside": more}
        return {"data": EnergyStack(axes=axes, source=source, coords=coords, **about)}

    # ---- HDF5

    def _hdf5(self, file: str, notes: list[str]):
        if not self.paths:
            self.paths, *others = stack_paths(file) or [{}]
            notes.append("found by shapes and units: " + ", ".join(map(" ".join, self.paths.items())))
            if others:
                more = ", ".join(one["images"] for one in others[:3]) + " ..." * (len(others) > 3)
                notes.append(f"warning: the file holds other stacks, too, which `paths:` takes: {more}")
        for name in self.paths:
            if name not in PATHS:
                raise JobError(
                    f'input.paths: "{name}" is not one of {", ".join(PATHS)}{nearest(name, PATHS)}'
                )
        for name in ("images", "energies"):
            if name not in self.paths:
                raise JobError(f"input.paths: {name} is missing; name its dataset")
        with open_hdf5(file) as opened:
            source = Hdf5Frames.of(opened, self.paths["images"])
            stored = dataset(opened, self.paths["images"]).shape
            if len(stored) != 3:
                raise DataError(f"{source.where} has the shape {stored}; (energies, y, x) is needed")
            axes = self._axes(opened, stored)
            sizes = dict(zip(axes, stored))
            along = self._energies(opened, sizes["energy"], notes)
            more = {"axes": axes, "coords": self._places(opened, (sizes["y"], sizes["x"]), notes)}
            if "i0" in self.paths:
                more["i0"] = self._i0(opened, stored, axes)
        return source, along, more

    def _axes(self, opened, stored) -> tuple[str, ...]:
        """In the order of the file: the energies are the one axis that is as long as they are"""
        n = dataset(opened, self.paths["energies"]).size
        places = [k for k in range(3) if stored[k] == n]
        rest = ["y", "x"]
        rest.insert(places[0] if len(places) == 1 else 0, "energy")
        return tuple(rest)

    def _energies(self, opened, n: int, notes) -> np.ndarray:
        data = dataset(opened, self.paths["energies"])
        where = f"{opened.filename}: {self.paths['energies']}"
        along = energies.fitting(real(whole(data), where).ravel(), n, where)
        return energies.in_ev(along, self.units.get("energies", unit(data)), where, notes)

    def _i0(self, opened, stored, axes) -> np.ndarray:
        """(energy,) or (energy, y, x) float64. Errors: DataError for another shape."""
        where = f"{opened.filename}: {self.paths['i0']}"
        values, first = real(whole(dataset(opened, self.paths["i0"])), where), axes.index("energy")
        if values.shape not in ((stored[first],), tuple(stored)):
            raise DataError(
                f"{where} has the shape {values.shape}; {(stored[first],)} or {tuple(stored)} is needed"
            )
        return values if values.ndim == 1 else np.moveaxis(values, first, 0)

    def _places(self, opened, shape, notes) -> dict:
        """Coordinates of y and x in m, as far as the file has them for each row and column."""
        out = {}
        for axis, n in zip("yx", shape):
            if axis not in self.paths:
                continue
            data, where = dataset(opened, self.paths[axis]), f"{opened.filename}: {self.paths[axis]}"
            values = real(whole(data), where)
            if values.shape != (n,):
                notes.append(f"warning: {where} has the shape {values.shape}, not ({n},); it is not used")
                continue
            out[axis] = values * scale_of(self.units.get(axis, unit(data)) or "m", "m", where), "m"
        return out

    # ---- a folder of TIFF files

    def _tiffs(self, file: str, notes: list[str]):
        folder = Path(file)
        images = _images(folder)
        if not images:
            raise DataError(f"{file}: there are no TIFF files in it")
        source = TiffFrames.of(images, file)
        listed = str(folder / self.energies) if self.energies else _text_of(folder, source.shape[0])
        if not listed:
            raise DataError(f"{file}: no text in it holds the energies; name one with `energies:`")
        along = energies.of_text(listed, source.shape[0])
        notes.append(f"{source.shape[0]} images, energies from {listed}")
        along = energies.in_ev(along, self.units.get("energies", ""), listed, notes)
        return source, along, self._text_i0(folder, source.shape[0])

    def _text_i0(self, folder: Path, n: int) -> dict:
        return {"i0": energies.of_text(str(folder / self.i0), n, "values of i0")} if self.i0 else {}

    # ---- a folder of runs

    def _runs(self, file: str, notes: list[str]):
        folder = Path(file)
        found = list(folder.glob("*/latest/result.h5")) or list(folder.glob("**/result.h5"))
        files = sorted(map(str, found), key=natural)
        if not files:
            raise DataError(f"{file}: there is no result.h5 in it or below it")
        path = f"entry_1/{self.map}/data"
        known = [self._one_run(one, path) for one in files]
        if self.energies:
            along = energies.of_text(str(Path(file) / self.energies), len(files))
            along = energies.in_ev(along, self.units.get("energies", ""), self.energies, notes)
        else:
            along = np.array([_energy_of(one) for one in files])
            order = np.argsort(along, kind="stable")
            along, files = along[order], [files[k] for k in order]
        notes.append(f"{len(files)} runs, {self.map} of each")
        shape, dtype, coords = known[0]
        source = MapFiles(files, path, (len(files), *shape), dtype, f"{file}: {self.map}")
        return source, along, {"coords": coords} | self._text_i0(Path(file), len(files))

    def _one_run(self, file: str, path: str):
        """(shape, dtype, coordinates) of the map of a result. Errors: DataError."""
        with open_hdf5(file) as opened, foreign(file):
            data = dataset(opened, path)
            if data.ndim != 2:
                raise DataError(f"{file}: {path} has the shape {data.shape}; a map (y, x) is needed")
            coords = {}
            for axis in "yx":
                along = at(opened, f"entry_1/{self.map}/{axis}")
                if along is not None and text(along.attrs.get("units", "")) == "um":
                    coords[axis] = (along[()] * 1e-6, "m")
            return data.shape, data.dtype, coords


def _images(folder: Path) -> list[str]:
    """TIFF files of a folder, in the order of their numbers"""
    return tiffs_in(folder) if folder.is_dir() else []


def _text_of(folder: Path, n: int) -> str:
    """The one text of a folder that holds n rising energies, or their count and then these; "" for none.
    Where none rises, the one that falls."""
    texts = sorted(map(str, folder.glob("*.txt"))) if n > 1 else []
    rise, fall = ([file for file in texts if _are_energies(file, n, sign)] for sign in (1, -1))
    fits = rise or fall
    return fits[0] if len(fits) == 1 else ""


def _are_energies(file: str, n: int, sign: int) -> bool:
    values = numbers_of(file)
    if values is None or len(values) not in (n, n + 1):
        return False
    values = values[len(values) - n :]
    return bool((sign * np.diff(values) > 0).all() and values.min() > LIKELY)


def _energy_of(file: str) -> float:
    """eV, of a run: as its job or its result says. Errors: DataError."""
    with open_hdf5(file) as opened:
        for path in ("process_1/job/input/energy", "instrument_1/source_1/energy"):
            data = at(opened, f"entry_1/{path}")
            if data is not None:
                return float(energies.in_ev(real(whole(data), file), unit(data), file, []))
    raise DataError(f"{file} does not say at which energy it was measured; name a text with `energies:`")
