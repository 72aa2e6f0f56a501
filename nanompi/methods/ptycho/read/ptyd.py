"""ptypy's prepared data (.ptyd): chunks/0..n with data, weights, positions, indices; meta and info.

Conventions of the format: energy in keV, lengths in metres, positions (row, column) of the probe on the
sample in metres, weight > 0 = good, frames in natural order. Entries that ptypy left at None are stored
with the attribute `type` = "None"; inhomogeneous lists are groups 00000, 00001, ...
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.data.combined import JoinedFrames
from nanompi.data.stored import Hdf5Frames
from nanompi.errors import DataError, JobError
from nanompi.io import quantities
from nanompi.io.hdf5 import at, dataset, hdf5, is_hdf5, open_hdf5, real, text
from nanompi.io.unwritten import complete, measured
from nanompi.methods.ptycho.read.layout import check, in_metres
from nanompi.methods.ptycho.read.masks import good_pixels
from nanompi.methods.ptycho.scan import GIVES, STEPS, Scan
from nanompi.run.reading import Input
from nanompi.step import param, reader


@reader("ptyd", gives=GIVES, steps=STEPS)
class Ptyd:
    """ptypy .ptyd files."""

    paths: dict[str, str] = param({}, help="where in the file a quantity is, in place of its usual place")
    units: dict[str, str] = param({}, help="unit of a quantity, in place of keV and metres")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """HDF5 with chunks/0 and meta."""
        if "frames" in (given.get("paths") or {}) or not is_hdf5(path):
            return False
        with open_hdf5(path) as file:
            groups = [isinstance(at(file, name), hdf5().Group) for name in ("chunks", "meta", "info")]
            return groups[0] and any(groups[1:])

    def open(self, file: str, given: Input) -> Scan:
        """Positions, geometry, weights as a mask. Errors: DataError naming the chunk."""
        check(self.paths, self.units)
        if "frames" in self.paths:
            raise JobError("input.paths: the frames of a .ptyd stand in its chunks; leave `frames` out")
        with open_hdf5(file) as opened:
            chunks = _chunks(opened)
            of = Prepared(opened, self.paths, in_metres(self.units))
            source = JoinedFrames.of([Hdf5Frames.of(opened, f"{c}/data") for c in chunks], file)
            return Scan(
                source=source,
                positions=of.positions(chunks),
                **_geometry(of, given),
                mask=_mask(opened, chunks, given.mask_good, of.notes, self.paths.get("mask", "")),
                file=file,
                format="ptyd",
                notes=of.notes,
            )


@dataclass
class Prepared:
    """An open .ptyd, and the paths and units of the job in place of its own."""

    file: Any
    paths: dict[str, str]
    units: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def meta(self, name: str, entry: str = ""):
        """(values or None, where) of a quantity: at its path in the job, else in meta, else in info."""
        if name in self.paths:
            path = str(self.paths[name])
            where = f"{self.file.filename}: {path}"
            return measured(dataset(self.file, path), where, self.notes), where
        return _meta(self.file, entry or name), f"{self.file.filename}: meta/{entry or name}"

    def metre(self, name: str, where: str) -> float:
        """Size of the unit of a length in metres."""
        said = self.units.get(name)
        return quantities.scale_of(str(said), "m", where) if said else 1.0

    def energy(self) -> float:
        """The photon energy in J, NaN when the file says none."""
        found, where = self.meta("energy")
        if found is None:
            return np.nan
        return quantities.joules(
            quantities.one(found, where), str(self.units.get("energy", "keV")), where, self.notes
        )

    def length(self, name: str) -> float:
        """A length in m, NaN when the file says none."""
        found, where = self.meta(name)
        return np.nan if found is None else quantities.one(found, where) * self.metre(name, where)

    def pixel(self) -> tuple[float, float]:
        """Detector pixel (row, column) in m, NaN when unknown."""
        found, where = self.meta("pixel", "psize")
        if found is None:
            return np.nan, np.nan
        size = np.ravel(real(found, where)) * self.metre("pixel", where)
        if not size.size:
            raise DataError(f"{where} holds no number")
        return float(size[0]), float(size[-1])

    def positions(self, chunks: list[str]) -> np.ndarray:
        """(n, 2) m, (row, column) of all chunks, or of the dataset that the job names."""
        if "positions" in self.paths:
            found, where = self.meta("positions")
            found = real(found, where)
            if found.ndim != 2 or found.shape[1] != 2:
                raise DataError(f"{where} has the shape {found.shape}; (frames, 2) is needed")
        else:
            where = self.file.filename
            found = np.concatenate([_positions(self.file, c) for c in chunks])
        return found * self.metre("positions", where)


def _geometry(of: Prepared, given: Input) -> dict[str, Any]:
    """Wavelength, distance and pixel; where the job gives one, that of the file may be wrong."""
    job, size, none = bool(given.wavelength or given.energy), given.pixel is not None, (np.nan, np.nan)
    distance = lambda: of.length("distance")  # noqa: E731
    return {
        "wavelength": quantities.wavelength_of(lambda: np.nan, of.energy, job, of.notes),
        "distance": quantities.unless_given(distance, given.known_distance is not None, "distance", of.notes),
        "pixel": quantities.unless_given(of.pixel, size, "pixel", of.notes, none),
    }


def _chunks(opened) -> list[str]:
    """Paths of the chunks in order. A link to a missing part is an error."""
    numbers = sorted((k for k in at(opened, "chunks") if k.isdigit()), key=int)
    if not numbers:
        raise DataError(
            f"{opened.filename}: chunks is empty: ptypy stored no frames (save = 'append' or 'link' does)"
        )
    lost = [k for k in numbers if at(opened, f"chunks/{k}/data") is None]
    if lost:
        raise DataError(f"{opened.filename}: chunks/{lost[0]} has no data; is its .part file beside it?")
    gaps = sorted(set(range(int(numbers[-1]) + 1)) - {int(k) for k in numbers})
    if gaps:
        raise DataError(f"{opened.filename}: chunks/{gaps[0]} is missing; the file has {len(numbers)} chunks")
    return [f"chunks/{k}" for k in numbers]


def _value(opened, path: str):
    """A stored value as an array, or None when absent, None or empty."""
    thing = at(opened, path)
    if thing is None:
        return None
    if text(thing.attrs.get("type", "")) == "None":
        return None
    if isinstance(thing, hdf5().Group):
        items = [_value(opened, f"{path}/{k}") for k in sorted(thing)]
        return np.array(items, float) if items and all(i is not None for i in items) else None
    if thing.shape is None or thing.size == 0:
        return None
    return complete(thing, f"{opened.filename}: {path}")


def _meta(opened, name: str):
    """An entry of meta, else of info."""
    found = _value(opened, f"meta/{name}")
    return _value(opened, f"info/{name}") if found is None else found


def _positions(opened, chunk: str) -> np.ndarray:
    """(m, 2) of a chunk, from itself or from the list of the whole scan by its indices."""
    found = _value(opened, f"{chunk}/positions")
    if found is None:
        every, index = _meta(opened, "positions_scan"), _value(opened, f"{chunk}/indices")
        every = _value(opened, "info/positions_theory") if every is None else every
        if every is None or index is None:
            raise DataError(f"{opened.filename}: {chunk} has no positions, nor has info/positions_scan")
        found = np.asarray(every)[np.asarray(index).astype(int)]
    found = real(found, f"{opened.filename}: {chunk}/positions")
    if found.ndim != 2 or found.shape[1] != 2:
        raise DataError(
            f"{opened.filename}: {chunk}/positions has the shape {found.shape}; (frames, 2) is needed"
        )
    return found


def _mask(opened, chunks: list[str], sense: str, notes: list[str], said: str = "") -> np.ndarray | None:
    """Pixels with a weight in every frame of every chunk, or the common weight; or at the path `said`."""
    if said:
        return good_pixels(dataset(opened, said), sense, "nonzero", f"{opened.filename}: {said}", notes)
    per = [dataset(opened, f"{c}/weights") for c in chunks if _stored(opened, f"{c}/weights")]
    if per:
        notes.append(
            "weights are stored for each frame; a pixel without weight in any frame is masked in all"
        )
        where = f"{opened.filename}: chunks/*/weights"
        return np.logical_and.reduce([good_pixels(w, sense, "nonzero", where, notes) for w in per])
    common = _value(opened, "meta/weight2d")
    if common is None or np.ndim(common) != 2:
        return None
    return good_pixels(np.asarray(common), sense, "nonzero", f"{opened.filename}: meta/weight2d", notes)


def _stored(opened, path: str) -> bool:
    """Is there an array of at least two dimensions, not merely an empty list?"""
    thing = at(opened, path)
    return getattr(thing, "ndim", 0) >= 2 and thing.size > 0
