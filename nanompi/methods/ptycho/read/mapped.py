"""A scan from named arrays: what `paths:` and `units:` of HDF5 and NPZ files mean.

frames, and either `x` (column) and `y` (row) or `positions` (n, 2) in the order (row, column): the place of
the probe on the sample, rows downwards, columns to the right. x and y may be expressions over paths or over
names given beside them (`{a: /pos/a, b: /pos/b, x: "-a + 0.1*b"}`). A number without unit has the unit of
its `units` attribute, else: positions, distance, pixel, wavelength in m; energy by plausibility. Positions
may be in px (pixels of the object).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.errors import DataError, JobError, nearest
from nanompi.io import quantities as values
from nanompi.io.expression import evaluate
from nanompi.io.hdf5 import real
from nanompi.io.unwritten import complete, measured
from nanompi.methods.ptycho.read.masks import good_pixels
from nanompi.methods.ptycho.scan import WANTED, Scan
from nanompi.optics.geometry import Geometry
from nanompi.run.reading import Input

KNOWN = ("frames", "x", "y", "positions", "mask", "energy", "wavelength", "distance", "pixel", "focus",
         "monitor", "probe", "object", "dark")  # fmt: skip
PAIRS = (("r", "i"), ("real", "imag"))  # records of h5py, of MATLAB, that are complex numbers
SMALLEST = 8  # rows or columns of a frame
FICTION = {"energy": 8.8e3 * values.EV, "distance": 1.0, "object pixel": 10e-9}


@dataclass
class Mapped:
    """The input section's `paths` and `units` over a file.

    get  : path -> (array or dataset, its own unit or "")
    has  : does the file have a dataset of this name?
    """

    file: str
    get: Callable[[str], tuple[Any, str]]
    has: Callable[[str], bool]
    paths: dict[str, str]
    units: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def array(self, name: str) -> tuple[np.ndarray, str] | None:
        """(numbers, unit) of a key of `paths`, or None where it is not given. Evaluates expressions."""
        if name not in self.paths:
            return None
        text = str(self.paths[name])
        if self.has(text):
            data, unit = self.get(text)
            if name in ("probe", "object"):
                return complete(data, self.where(name)), unit
            return measured(data, self.where(name), self.notes), self.units.get(name, unit)
        if name not in ("x", "y") or text.replace("/", "").replace("_", "").replace(".", "").isalnum():
            self.get(text)  # a plain name which is not there: the file says what there is
        unit = self.units.get(name, "")
        return evaluate(text, lambda part: self._operand(part, convert=not unit)), unit or "m"

    def _operand(self, part: str, convert: bool) -> np.ndarray:
        """One array of an expression; in metres by its own unit unless the result's unit is given."""
        data, unit = self.get(str(self.paths.get(part, part)))
        unit = self.units.get(part, unit)
        scale = values.scale_of(unit, "m", f"{self.file}: {part}") if unit and convert else 1.0
        where = f"{self.file}: {part}"
        return real(measured(data, where, self.notes), where).ravel() * scale

    def length(self, name: str) -> float:
        """A length in metres, NaN where none is named."""
        found = self.array(name)
        if found is None:
            return np.nan
        return values.one(found[0], self.where(name)) * values.scale_of(
            found[1] or "m", "m", self.where(name)
        )

    def where(self, name: str) -> str:
        """File and path for messages."""
        return f"{self.file}: {self.paths.get(name, name)}"


def check(paths: dict, units: dict, what: str, given: Input | None = None) -> None:
    """JobError when frames or positions are not named (with all else that is not said in its `missing`), or
    a unit is given for nothing."""
    if "frames" not in paths:
        raise JobError(f"input.paths: `frames` is missing; write `paths: {{frames: {what}, x: ..., y: ...}}`")
    if "positions" not in paths and not {"x", "y"} <= set(paths):
        raise _without_places(paths, given)
    stray = [u for u in units if u not in paths]
    if stray:
        raise JobError(f'input.units: "{stray[0]}" is not in `paths`{nearest(stray[0], paths)}')
    used = " ".join(str(paths[k]) for k in ("x", "y") if k in paths)
    idle = [p for p in paths if p not in KNOWN and p not in used]
    if idle:
        raise JobError(
            f'input.paths: "{idle[0]}" is neither used in x or y nor one of '
            f"{', '.join(KNOWN)}{nearest(idle[0], KNOWN)}"
        )


def _without_places(paths: dict, given: Input | None) -> JobError:
    known = {*paths, *(key for key in (*WANTED, "wavelength") if getattr(given, key, None) is not None)}
    others = [key for key in WANTED if key not in known and not (key == "energy" and "wavelength" in known)]
    more = f"; in `input` also {', '.join(f'`{WANTED[key]}`' for key in others)}" if others else ""
    error = JobError(
        "input.paths: give `x` and `y` (columns, rows), or `positions` of shape (n, 2) as (row, column)"
        + more
    )
    error.missing = (*(key for key in "xy" if key not in paths), *others)
    return error


def scan_of(m: Mapped, source: Any, given: Input, corner: bool, name: str) -> Scan:
    """The scan.

    What is not said is NaN (`open_scan` completes and checks it), or fiction for positions in pixels.
    """
    places, unit = _places(m, source)
    geometry = _geometry(m, given)
    geometry.take(given)
    if unit == "px":
        size = geometry.object_pixel(source.shape[1:], m.notes)
    else:
        size = np.full(2, values.scale_of(unit or "m", "m", m.where("positions")))
    mask, monitor, dark = m.array("mask"), m.array("monitor"), m.array("dark")
    probe, known = m.array("probe"), m.array("object")
    return Scan(
        source=source,
        positions=places * size,
        wavelength=geometry.wavelength,
        distance=geometry.distance,
        pixel=geometry.pixel,
        mask=None
        if mask is None
        else good_pixels(mask[0], given.mask_good, "either", m.where("mask"), m.notes),
        corner=corner,
        focus=geometry.focus,
        monitor=None if monitor is None else real(monitor[0], m.where("monitor")).ravel(),
        dark=None if dark is None else mean_frame(dark[0], m.where("dark")),
        probe=None if probe is None else _modes(probe[0], m.where("probe")),
        object=None if known is None else _modes(known[0], m.where("object"))[0],
        file=m.file,
        format=name,
        notes=m.notes,
    )


@dataclass
class MappedGeometry:
    """What turns pixels of the object into metres."""

    wavelength: float
    distance: float
    pixel: tuple[float, float]
    focus: float | None

    def take(self, given: Input) -> None:
        """The values of the job win."""
        if given.wavelength or given.energy:
            self.wavelength = given.wavelength or values.given_energy(given.energy)
        self.distance = given.distance or self.distance
        self.focus = given.focus or self.focus
        self.pixel = (given.pixel, given.pixel) if given.pixel else self.pixel

    def object_pixel(self, shape: tuple[int, int], notes: list[str]) -> np.ndarray:
        """(row, column) size in m.

        What is missing is invented so that it becomes 10 nm, and that is noted.
        """
        invented = []
        if np.isnan(self.wavelength):
            self.wavelength = values.HC / FICTION["energy"]
            invented.append("energy 8.8 keV")
        if np.isnan(self.distance):
            know = not np.isnan(self.pixel[0])
            self.distance = (
                FICTION["object pixel"] * shape[0] * self.pixel[0] / self.wavelength
                if know
                else FICTION["distance"]
            )
            invented.append(f"distance {self.distance:.4g} m")
        if np.isnan(self.pixel[0]):
            self.pixel = tuple(self.wavelength * self.distance / (n * FICTION["object pixel"]) for n in shape)
            invented.append(f"detector pixel {self.pixel[0] * 1e6:.4g} um")
        if invented:
            notes.append(
                "warning: positions are in pixels and the file has no geometry; invented: "
                f"{', '.join(invented)}, so that lengths in the result are not real"
            )
        return np.array(Geometry(self.wavelength, self.distance, self.pixel, shape, self.focus or None).pixel)


def _places(m: Mapped, source: Any) -> tuple[np.ndarray, str]:
    """(n, 2) as (row, column) in the file's unit, and that unit; one raster axis each becomes a grid."""
    if "positions" in m.paths:
        p, unit = m.array("positions")
        p = p.reshape(-1, p.shape[-1]) if p.ndim > 2 else p
        if p.ndim != 2 or 2 not in p.shape:
            raise DataError(
                f"{m.where('positions')} has the shape {p.shape}; (n, 2) as (row, column) is needed"
            )
        return real(p if p.shape[1] == 2 else p.T, m.where("positions")), unit
    (x, ux), (y, uy) = m.array("x"), m.array("y")
    x, y = real(x, m.where("x")), real(y, m.where("y"))
    if x.size != y.size and x.size * y.size == source.shape[0]:
        y, x = np.meshgrid(y.ravel(), x.ravel(), indexing="ij")
        m.notes.append(
            f"x and y span a raster of {y.shape[0]} rows and {y.shape[1]} columns, columns fastest"
        )
    if x.size != y.size:
        raise DataError(f"{m.where('x')} has {x.size} values and {m.where('y')} {y.size}; they must agree")
    if "px" in (ux, uy) and ux != uy:
        raise JobError("input.units: x and y must both be in px, or neither")
    if ux == "px":
        return np.stack([y.ravel(), x.ravel()], 1), "px"
    sx, sy = (values.scale_of(u or "m", "m", m.where(k)) for k, u in (("x", ux), ("y", uy)))
    return np.stack([y.ravel() * sy, x.ravel() * sx], 1), "m"


def _geometry(m: Mapped, given: Input) -> "MappedGeometry":
    """What the file says; where the job gives one, that of the file may be wrong."""
    length = lambda name: lambda: m.length(name)  # noqa: E731
    job = bool(given.wavelength or given.energy)
    focus = values.unless_given(length("focus"), given.focus is not None, "focus", m.notes)
    return MappedGeometry(
        values.wavelength_of(length("wavelength"), lambda: _energy(m), job, m.notes),
        values.unless_given(length("distance"), given.known_distance is not None, "distance", m.notes),
        values.unless_given(lambda: _pixel(m), given.pixel is not None, "pixel", m.notes, (np.nan, np.nan)),
        None if np.isnan(focus) else focus,
    )


def _energy(m: Mapped) -> float:
    found = m.array("energy")
    if found is None:
        return np.nan
    where = m.where("energy")
    return values.joules(values.one(found[0], where), found[1], where, m.notes)


def _pixel(m: Mapped) -> tuple[float, float]:
    """(row, column) in m from one number or two."""
    found = m.array("pixel")
    if found is None:
        return np.nan, np.nan
    size = real(found[0], m.where("pixel")).ravel() * values.scale_of(found[1] or "m", "m", m.where("pixel"))
    return float(size[0]), float(size[-1])


def mean_frame(dark: np.ndarray, where: str) -> np.ndarray:
    """(rows, columns) float32: the mean of the dark frames, as far as they are numbers; else NaN."""
    values = real(dark, where)
    if values.ndim < 2:
        raise DataError(f"{where} has the shape {values.shape}; (rows, columns) is needed")
    values = values.reshape(-1, *values.shape[-2:])
    known = np.isfinite(values)
    total, count = np.where(known, values, 0).sum(0), known.sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _modes(a: np.ndarray, where: str) -> np.ndarray:
    """(modes, rows, columns) complex64 of a start array with any leading dimensions."""
    pairs = [p for p in PAIRS if a.dtype.names and set(p) <= set(a.dtype.names)]
    if pairs:
        a = a[pairs[0][0]] + 1j * a[pairs[0][1]]
    if a.ndim > 2 and min(a.shape[-2:]) < SMALLEST <= min(a.shape[:2]):
        raise DataError(
            f"{where} has the shape {a.shape}; (modes, rows, columns) is needed. Are its modes the last axis?"
        )
    if a.ndim < 2 or not np.issubdtype(a.dtype, np.number):
        raise DataError(
            f"{where} has the shape {a.shape} and type {a.dtype}; an array (modes, rows, columns) is needed"
        )
    return a.reshape(-1, *a.shape[-2:]).astype(np.complex64)
