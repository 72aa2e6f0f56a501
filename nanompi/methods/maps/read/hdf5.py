"""Maps of spectra in HDF5 files: those of MAPS, NXfluo and other NXdata with channels, any file by paths.

input:
  file: scan.h5
  format: xrf.hdf5
  paths: {spectra: /raw/mca, x: /raw/x, y: /raw/y, live: /raw/live, us_ic: /raw/i0}
  axes: y x detector channel
"""

import json
from collections.abc import Iterator

import numpy as np

from nanompi.errors import DataError, JobError, nearest
from nanompi.io.hdf5 import (
    at,
    dataset,
    foreign,
    hdf5,
    is_hdf5,
    open_hdf5,
    real,
    short,
    text,
    unit,
    walk,
    whole,
)
from nanompi.io.quantities import joules, one
from nanompi.methods.maps.read import places
from nanompi.methods.maps.read.spectra import AXES, GIVES, POINTS, STEPS, Spectra
from nanompi.methods.maps.read.stored import StoredSpectra
from nanompi.step import param, reader
from nanompi.units import DIMENSIONS

MAPS = "MAPS_RAW"  # group of files that MAPS writes for fly scans
OF_MAPS = {"live": "livetime", "real": "realtime", "icr": "inputcounts", "ocr": "ouputcounts"}
PER_DETECTOR = tuple(OF_MAPS)
ENERGY = ("energy", "channel", "mca", "bin")  # in the name of an axis
FEWEST = 64  # channels of a spectrum
LONG, FLAT, DETECTORS = 256, 4, 8  # channels, over rows and columns; detectors: of what may be spectra


@reader("xrf.maps", gives=GIVES, steps=STEPS)
class Maps:
    """Spectra of APS fly scans (MAPS_RAW/data_a, data_b ...: channels, rows, columns)."""

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """Is there data_a?"""
        if not is_hdf5(path):
            return False
        with open_hdf5(path) as file:
            return f"{MAPS}/data_a" in file

    def open(self, file: str, given):
        """Nothing is loaded. Errors: DataError."""
        with open_hdf5(file) as opened:
            names = sorted(name for name in opened[MAPS] if name.startswith("data_"))
            paths = [f"{MAPS}/{name}" for name in names]
            source = StoredSpectra.of(opened, paths, ("channel", "y", "x"))
            own = {}
            for name, place in OF_MAPS.items():
                if at(opened, f"{MAPS}/{place}") is not None:
                    values = whole(dataset(opened, f"{MAPS}/{place}")).astype(float)
                    if values.shape == (len(names), *source.shape[:2]):
                        own[name] = np.moveaxis(values, 0, -1)
        return {"data": Spectra(source, per_row=own).data(file, "xrf.maps")}


@reader("nxfluo", gives=None, steps=STEPS)
class NxFluo:
    """NXdata of spectra over a scan (NXfluo and others): the last axis is that of the channels."""

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """Is there such a group?"""
        if not is_hdf5(path):
            return False
        with open_hdf5(path) as file:
            return next(_groups_of_spectra(file), None) is not None

    def open(self, file: str, given):
        """Nothing is loaded. Errors: DataError."""
        with open_hdf5(file) as opened:
            (path, signal, axes), *others = _groups_of_spectra(opened)
            data = dataset(opened, f"{path}/{signal}")
            order = {
                2: ("point", "channel"),
                3: ("y", "x", "channel"),
                4: ("y", "x", "detector", "channel"),
            }[data.ndim]
            source = StoredSpectra.of(opened, [f"{path}/{signal}"], order)
            known = dict(zip(order, [f"{path}/{name}" for name in axes]))
            energies, notes = _energies(opened, known.get("channel"), data.shape[-1])
            along = {
                axis: _along(opened, known[axis], axis, source.shape[:-2], notes)
                for axis in ("y", "x")
                if axis in known and isinstance(at(opened, known[axis]), hdf5().Dataset)
            }
            notes += _told_of([f"{other}/{name}" for other, name, _ in others])
            own = Spectra(source, along.get("y"), along.get("x"), energies, notes=notes)
        return {"data": own.data(file, "nxfluo")}


def _told_of(others: list[str]) -> list[str]:
    """A note of spectra that are not taken"""
    which = ", ".join(others[:3]) + " ..." * (len(others) > 3)
    return [f"warning: the file holds other spectra, too ({which}); `format: xrf.hdf5` takes them"] * bool(
        others
    )


@reader("xrf.hdf5", gives=None, steps=STEPS)
class Hdf5Spectra:
    """Any HDF5 file with spectra, by `format: xrf.hdf5` and `paths:`."""

    paths: dict[str, str] = param(
        {},
        level="basic",
        help="where the datasets are: spectra; x, y; live, real, icr, ocr of each detector; energy; others "
        "are scalers by their name",
    )
    axes: str = param("y x channel", help="axes of the spectra in order: y, x or point, detector, channel")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """Never by a file."""
        return False

    @staticmethod
    def guess(path: str, name: str) -> list[str]:
        """The section `input`, with this name in it, for the largest dataset whose shape is that of spectra;
        [] where there is none. Errors: DataError."""
        if not is_hdf5(path):
            return []
        with foreign(path), open_hdf5(path) as file:
            likely = [(data.size, where, data.shape) for where, data in walk(file) if _like_spectra(data)]
        if not likely:
            return []
        _, where, shape = max(likely)
        detectors = len(shape) > 2 and shape[-2] <= DETECTORS
        order = {1: ("point",), 2: ("y", "x")}.get(len(shape) - 1 - detectors)
        if order is None:
            return []
        axes = " ".join((*order, *("detector",) * detectors, "channel"))
        own = {"file": name, "format": "xrf.hdf5", "paths": {"spectra": where}, "axes": axes}
        head = ["input:", f"  # if {short(where)} are spectra of a map; x, y, live would be further paths"]
        return [*head, *(f"  {key}: {_yaml(value)}" for key, value in own.items())]

    def open(self, file: str, given):
        """Nothing is loaded. Errors: JobError, DataError."""
        order = self._order()
        if "spectra" not in self.paths:
            raise JobError("input.paths: spectra is missing; name the dataset of the spectra")
        if "point" in order and len(lone := {"x", "y"} & set(self.paths)) == 1:
            raise JobError(f"input.paths: there is {lone.pop()} alone; points of a scan need x and y")
        with open_hdf5(file) as opened:
            source = StoredSpectra.of(opened, [self.paths["spectra"]], order)
            notes: list[str] = []
            along = {
                axis: _along(opened, self.paths[axis], axis, source.shape[:-2], notes)
                for axis in ("y", "x")
                if axis in self.paths
            }
            facts = {}
            if path := self.paths.get("energy"):
                where, data = f"{file}: {path}", dataset(opened, path)
                facts["energy"] = joules(one(whole(data), where), unit(data), where, [])
            own = {
                name: self._of_points(opened, name, path, source.shape[:-1])
                for name, path in self.paths.items()
                if name not in ("spectra", "x", "y", "energy")
            }
        spectra = Spectra(source, along.get("y"), along.get("x"), None, own, facts, notes=notes)
        return {"data": spectra.data(file, "xrf.hdf5")}

    def _order(self) -> tuple[str, ...]:
        order = tuple(self.axes.split())
        for name in order:
            if name not in (*AXES, *POINTS):
                known = ("y", "x", "point", "detector", "channel")
                raise JobError(f'input.axes: "{name}" is not one of {", ".join(known)}{nearest(name, known)}')
        if "channel" not in order or not ({"y", "x"} <= set(order) or "point" in order):
            raise JobError(f'input.axes: "{self.axes}" needs channel, and y and x, or point')
        return order

    @staticmethod
    def _of_points(opened, name: str, path: str, shape: tuple[int, ...]) -> np.ndarray:
        """A value at each point, or one for each detector there. Errors: DataError."""
        where = f"{opened.filename}: {path} (paths: {name})"
        values = whole(dataset(opened, path), where).astype(float)
        wanted = shape if name in PER_DETECTOR else shape[:-1]
        if name in PER_DETECTOR and values.shape == shape[:-1]:
            values = np.repeat(values[..., None], shape[-1], -1)
        if values.size != np.prod(wanted):
            raise DataError(f"{where} has the shape {values.shape}; the scan has {wanted}")
        return values.reshape(wanted)


def _like_spectra(data) -> bool:
    """Has a dataset many channels for the points or the map beside them?"""
    if not isinstance(data, hdf5().Dataset) or data.dtype.kind not in "iuf" or not 2 <= data.ndim <= 4:
        return False
    *others, channels = data.shape
    return channels >= LONG and (data.ndim == 2 or channels >= FLAT * max(others[-2:]))


def _yaml(value) -> str:
    """Of a text, or of texts by name, in one line"""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_yaml(one)}' for key, one in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


def _groups_of_spectra(file) -> Iterator[tuple[str, str, list[str]]]:
    """(path, name of the signal, names of its axes) of each NXdata whose last axis has channels."""
    for path, group in walk(file):
        if text(getattr(group, "attrs", {}).get("NX_class", "")) != "NXdata":
            continue
        signal = text(group.attrs.get("signal", "data"))
        axes = [text(name) for name in np.atleast_1d(group.attrs.get("axes", []))]
        data = group.get(signal)
        if not isinstance(data, hdf5().Dataset) or data.ndim not in (2, 3, 4) or len(axes) != data.ndim:
            continue
        last = axes[-1].lower()
        if data.shape[-1] >= FEWEST and any(word in last for word in ENERGY):
            yield path, signal, axes


def _along(opened, path: str, axis: str, shape, notes: list[str]) -> tuple[np.ndarray, str] | None:
    """Places along an axis, in m where the unit is a length; None with a note where they are no numbers.

    Errors: DataError where their number does not fit the scan.
    """
    data, where = dataset(opened, path), f"{opened.filename}: {path} ({axis} of the scan)"
    values, told = places.along(real(whole(data), where), axis, shape, where)
    notes += told
    own = unit(data)
    length = DIMENSIONS["m"].get(own)
    return None if not len(values) else (values, own) if length is None else (values * length, "m")


def _energies(opened, path: str | None, n: int) -> tuple[np.ndarray | None, list[str]]:
    """(n,) eV that an axis of channels says; a note where it cannot be right."""
    if not path or not isinstance(at(opened, path), hdf5().Dataset):
        return None, []
    data = dataset(opened, path)
    values, own = whole(data).astype(float).ravel(), unit(data).lower()
    if len(values) != n or not np.isfinite(values).all() or (np.diff(values) <= 0).any():
        return None, [f"warning: {opened.filename}: {path} is no axis of rising energies; it is not used"]
    if own not in ("ev", "kev"):
        own = "kev" if values[-1] < 500 else "ev"
    return values * (1e3 if own == "kev" else 1.0), []
