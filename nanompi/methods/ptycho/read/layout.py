"""A scan from an HDF5 file in which each quantity stands at one of a few known places.

CXI and NXcxi_ptycho.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.data.stored import Hdf5Frames
from nanompi.errors import DataError, JobError, nearest
from nanompi.io import quantities
from nanompi.io.hdf5 import at, dataset, open_hdf5, real, unit, whole
from nanompi.io.unwritten import complete, measured
from nanompi.methods.ptycho.read.mapped import KNOWN, mean_frame
from nanompi.methods.ptycho.read.masks import good_pixels
from nanompi.methods.ptycho.read.saturation import saturation
from nanompi.methods.ptycho.scan import Scan
from nanompi.run.reading import Input

DET = "instrument_1/detector_1/"
PLACES: dict[str, list[str]] = {
    "frames": [DET + "data", "data_1/data", "data/data"],
    "translation": ["sample_1/geometry_1/translation", DET + "translation", "data_1/translation",
                    "data/translation"],
    "x": ["sample_1/transformations/x", "data/x", "data_1/x"],
    "y": ["sample_1/transformations/y", "data/y", "data_1/y"],
    "wavelength": ["instrument_1/source_1/wavelength", "instrument_1/beam_1/incident_wavelength",
                   "instrument_1/beam_1/wavelength"],
    "energy": ["instrument_1/source_1/energy", "instrument_1/beam_1/incident_beam_energy",
               "instrument_1/beam_1/incident_energy", "instrument_1/beam_1/energy"],
    "distance": [DET + "distance"],
    "x_pixel": [DET + "x_pixel_size"],
    "y_pixel": [DET + "y_pixel_size"],
    "basis": [DET + "basis_vectors"],
    "mask": [DET + "mask", DET + "pixel_mask", "data_1/mask"],
    "dark": [DET + "data_dark", DET + "dark"],
    "monitor": ["instrument_1/monitor_1/data", "instrument_1/monitor/data", "monitor_1/data"],
    "focus": ["instrument_1/beam_1/focus_to_sample"],
    "probe": ["start/probe"],
    "object": ["start/object"],
}  # fmt: skip
SAID = {
    "translation": "positions",
    "x_pixel": "pixel",
    "y_pixel": "pixel",
}  # what `paths` and `units` call them


def entry_of(file) -> str:
    """Name of the entry with an instrument or data: entry_1, else the first that has one.

    "" when there is none.
    """
    groups = ["entry_1", "entry", *sorted(k for k in file if k.startswith("entry"))]
    return next((g for g in groups if at(file, f"{g}/instrument_1") or at(file, f"{g}/data_1")), "")


def has(file, places: list[str]) -> bool:
    """Does the entry of an open file have a dataset at one of the places?"""
    entry = entry_of(file)
    return bool(entry) and any(at(file, f"{entry}/{p}") is not None for p in places)


@dataclass
class Layout:
    """An open file and the places of its quantities, relative to its entry.

    paths, units : of the job, in place of what the file says
    """

    file: Any
    entry: str
    places: dict[str, list[str]]
    paths: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def path(self, name: str) -> str:
        """Path of a quantity, '' when the file has none. A broken link is found, so that it is an error."""
        said = self.paths.get(SAID.get(name, name))
        if said:
            return str(said)
        paths = [f"/{self.entry}/{place}" for place in self.places[name]]
        return next((p for p in paths if _linked(self.file, p)), "")

    def find(self, name: str):
        """The dataset of a quantity, or None."""
        path = self.path(name)
        return dataset(self.file, path) if path else None

    def need(self, name: str) -> str:
        """The path of a quantity; DataError with the places where it was looked for."""
        if not self.path(name):
            looked = ", ".join(f"/{self.entry}/{p}" for p in self.places[name])
            said = SAID.get(name, name)
            raise DataError(
                f"{self.file.filename}: no {said}; looked for {looked}. Say where they are, as `paths: "
                f"{{{said}: /path/in/the/file}}`"
            )
        return self.path(name)

    def where(self, data) -> str:
        """File and path, for messages."""
        return f"{self.file.filename}: {data.name}"

    def length(self, name: str) -> float:
        """A length in metres (metres when it has no unit); NaN when the file has none."""
        data = self.find(name)
        return (
            np.nan
            if data is None
            else quantities.one(self.measured(data), self.where(data)) * self.metre(name, data)
        )

    def measured(self, data) -> np.ndarray:
        """All values of a dataset, NaN where nothing was written."""
        return measured(data, self.where(data), self.notes)

    def unit(self, name: str, data) -> str:
        """The unit of a quantity: that of the job, else that of its dataset; "" when there is none."""
        return str(self.units.get(SAID.get(name, name)) or unit(data))

    def metre(self, name: str, data) -> float:
        """Size of the unit of a quantity, which is a length, in metres."""
        said = self.unit(name, data)
        return quantities.scale_of(said, "m", self.where(data)) if said else 1.0


def _linked(file, path: str) -> bool:
    """Is there a dataset or a link at `path`, even one that leads nowhere?"""
    return bool(at(file, path.rsplit("/", 1)[0])) and file.get(path, getlink=True) is not None


def positions(of: Layout, n: int) -> np.ndarray:
    """(n, 2) float64 m, (row, column) of the probe on the sample, from the sample's translation.

    CXI gives the translation t of the sample as (x, y, z) in the laboratory, and in `basis_vectors` the
    steps from one detector pixel to the next along rows (e_r) and along columns (e_c). When the sample
    moves by t the probe moves over it by -t, so that

        row = -t . e_r / |e_r|,   column = -t . e_c / |e_c|.

    CXI's default detector (y up, x to the left seen from the source) has e_r = (0, -1, 0), e_c =
    (-1, 0, 0): the two minus signs cancel, row = +t_y and column = +t_x. That is used without basis vectors.
    """
    data = None if {"x", "y"} & set(of.paths) else of.find("translation")
    if data is None:
        t = _from_motors(of)
    else:
        t = _three(of.measured(data), n, of.where(data)) * of.metre("translation", data)
    with np.errstate(invalid="ignore"):  # infinite ones are refused later, with their numbers
        return -t[:, :2] @ _axes(of).T


def _from_motors(of: Layout) -> np.ndarray:
    """(n, 2) from the motors x and y of NXtransformations.

    One value per point, or a row and a column of a raster.
    """
    if not of.path("x"):
        of.need("translation")
    x, y = dataset(of.file, of.need("x")), dataset(of.file, of.need("y"))
    a, b = (real(of.measured(v), of.where(v)) * of.metre(k, v) for k, v in (("x", x), ("y", y)))
    if a.ndim == b.ndim == 1 and of.find("frames").shape[:-2] == (len(b), len(a)):
        b, a = np.meshgrid(b, a, indexing="ij")
    if a.shape != b.shape:
        raise DataError(f"{of.where(x)} has the shape {a.shape} and {of.where(y)} {b.shape}; they must agree")
    return np.stack([a.ravel(), b.ravel()], 1)


def _three(t: np.ndarray, n: int, where: str) -> np.ndarray:
    """A translation as (n, 2 or 3), from that or its transpose; (3, 3) is read as it stands."""
    t = real(t, where)
    if t.ndim == 3:
        t = t.reshape(-1, t.shape[-1])
    if t.ndim != 2 or not {2, 3} & set(t.shape):
        raise DataError(f"{where} has the shape {t.shape}; a translation needs (frames, 3) or (3, frames)")
    rows, columns = t.shape
    turned = columns not in (2, 3) or (rows in (2, 3) and columns == n != rows)
    return t.T if turned else t


def _axes(of: Layout) -> np.ndarray:
    """(2, 2): the (x, y) directions of rows and columns on the detector, unit vectors."""
    data = of.find("basis")
    if data is None:
        of.notes.append("no basis_vectors: rows run along -y, columns along -x (CXI's default)")
        return np.array([[0.0, -1.0], [-1.0, 0.0]])
    e = real(of.measured(data), of.where(data))
    e = e.reshape(-1, *e.shape[-2:])[0] if e.ndim > 2 else e
    if e.shape == (3, 2):
        e = e.T
    size = np.linalg.norm(e, axis=-1) if e.shape == (2, 3) else np.zeros(2)
    if not np.all(np.isfinite(size)) or np.any(size <= 0):
        raise DataError(
            f"{of.where(data)} must be two vectors of three numbers, (3, 2) or (2, 3); it is {e.tolist()}"
        )
    return (e / size[:, None])[:, :2]


def energy(of: Layout) -> float:
    """The photon energy in J, NaN when the file says none. Errors: DataError."""
    data = of.find("energy")
    if data is None:
        return np.nan
    where = of.where(data)
    return quantities.joules(
        quantities.one(of.measured(data), where), of.unit("energy", data), where, of.notes
    )


def pixel(of: Layout) -> tuple[float, float]:
    """Detector pixel (row, column) in m, from its sizes, else from the basis vectors; NaN when unknown."""
    y, x = of.length("y_pixel"), of.length("x_pixel")
    basis = of.find("basis")
    if basis is not None and np.isnan(y + x) and basis.ndim == 2 and set(basis.shape) == {2, 3}:
        size = np.linalg.norm(of.measured(basis), axis=0 if basis.shape == (3, 2) else 1)
        return float(size[0]), float(size[1])
    return y, x


def check(paths: dict, units: dict) -> None:
    """`paths` and `units` name what a file can have. Errors: JobError."""
    for what, given in (("paths", paths), ("units", units)):
        stray = [key for key in given if key not in KNOWN]
        if stray:
            raise JobError(
                f'input.{what}: "{stray[0]}" is none of {", ".join(KNOWN)}{nearest(stray[0], KNOWN)}'
            )


def in_metres(units: dict) -> dict:
    """Units of the job for a file in which both coordinates are one dataset. Errors: JobError."""
    both = {units[k] for k in ("x", "y") if k in units}
    if len(both) > 1:
        raise JobError("input.units: x and y are one dataset in this file; say one unit as `{positions: um}`")
    return ({"positions": both.pop()} if both else {}) | units


def read(path: str, places: dict[str, list[str]], part: Any, given: Input) -> Scan:
    """The scan in a file. What the file does not say is NaN; `open_scan` completes and checks it.

    part : the reader, with the paths and units of the job
    """
    check(part.paths, part.units)
    with open_hdf5(path) as file:
        units = part.units if {"x", "y"} & set(part.paths) else in_metres(part.units)
        of = Layout(file, entry_of(file) or "entry_1", places, part.paths, units)
        frames = of.need("frames")
        source = Hdf5Frames.of(file, frames)
        mask, dark = of.find("mask"), of.find("dark")
        return Scan(
            source=source,
            positions=positions(of, source.shape[0]),
            **_geometry(of, given),
            mask=None
            if mask is None
            else good_pixels(mask, given.mask_good, "zero", of.where(mask), of.notes),
            monitor=_plain(of, "monitor"),
            dark=None if dark is None else mean_frame(of.measured(dark), of.where(dark)),
            saturated=saturation(file, frames, of.notes),
            probe=_plain(of, "probe"),
            object=_plain(of, "object"),
            file=path,
            format=part.name,
            truth=_truth(of),
            notes=of.notes,
        )


def _geometry(of: Layout, given: Input) -> dict[str, Any]:
    """Wavelength, distance, pixel and focus; where the job gives one, that of the file may be wrong."""
    job = bool(given.wavelength or given.energy)
    length = lambda name: lambda: of.length(name)  # noqa: E731
    far = quantities.unless_given(length("distance"), given.known_distance is not None, "distance", of.notes)
    focus = quantities.unless_given(length("focus"), given.focus is not None, "focus", of.notes)
    size = given.pixel is not None
    return {
        "wavelength": quantities.wavelength_of(length("wavelength"), lambda: energy(of), job, of.notes),
        "distance": abs(far),
        "pixel": quantities.unless_given(lambda: pixel(of), size, "pixel", of.notes, (np.nan, np.nan)),
        "focus": None if np.isnan(focus) else focus,
    }


def _plain(of: Layout, name: str):
    data = of.find(name)
    if data is None:
        return None
    where = of.where(data)
    return real(of.measured(data), where).ravel() if name == "monitor" else complete(data, where)


def _truth(of: Layout) -> dict[str, np.ndarray]:
    """The exact arrays which a simulation left in its file."""
    group = at(of.file, f"/{of.entry}/truth")
    return {} if group is None else {k: whole(dataset(of.file, f"/{of.entry}/truth/{k}")) for k in group}
