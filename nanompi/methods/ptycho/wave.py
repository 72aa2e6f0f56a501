"""Reads a probe or object from the result of this program or another, with its pixel where the file says it.

Known layouts, each found by its paths (`path:` names any other dataset):

    nanompi            entry_1/probe/data, entry_1/object/data; entry_1/object/pixel_size (row, column)
    PyNX CXI           the same of entry_last (the newest) or entry_1; x_pixel_size, y_pixel_size beside each
    ptypy .ptyr        content/probe/ID/data, content/obj/ID/data; _psize beside each
    Ptychodus HDF5     probe, object; attributes pixel_height_m, pixel_width_m (NPZ: probe_pixel_height_m ...)
    COSMIC, SHARP CXI  entry_1/instrument_1/source_1/probe or illumination, entry_1/image_1/data; the pixel
                       from energy, distance and detector pixel
    MATLAB v7.3        probe, probes, object or outputs/...; p/dx_spec. Arrays are stored with rows and
                       columns exchanged, complex numbers as {real, imag}
    NPZ, NPY           probe, object, or the only array

All are (..., rows, columns) with the middle of a probe at row n // 2, column n // 2.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanompi.errors import DataError, nearest
from nanompi.io.hdf5 import at, dataset, foreign, is_hdf5, names, open_hdf5, whole
from nanompi.io.unwritten import complete
from nanompi.methods.ptycho.positions import LARGEST
from nanompi.optics.geometry import PLANCK_C
from nanompi.optics.resample import resampled
from nanompi.run.result import only_item

MOST_MODES, LEAST = 100, 8
SOURCE, DETECTOR = "entry_1/instrument_1/source_1", "entry_1/instrument_1/detector_1"
PLACES = {
    "probe": ("entry_last/probe/data", "entry_1/probe/data", "content/probe/*/data", f"{SOURCE}/probe",
              f"{SOURCE}/illumination", "probe", "probes", "outputs/probes", "outputs/probe"),
    "object": ("entry_last/object/data", "entry_1/object/data", "content/obj/*/data", "entry_1/image_1/data",
               "object", "outputs/object", "outputs/object_roi"),
}  # fmt: skip
KEYS = {"probe": ("probe", "probes", "P"), "object": ("object", "obj", "O")}


@dataclass
class Wave:
    """data : (modes, h, w) complex64; pixel : (2,) m (row, column), None = the file does not say it; where :
    file and dataset, for messages."""

    data: np.ndarray
    pixel: np.ndarray | None
    where: str


def read_wave(file: str, kind: str, path: str = "", pixel: float | None = None) -> Wave:
    """The probe or object of a file or run folder.

    kind : "probe" or "object"; path : of the array where the layout is not known; pixel : m, in place of the
    file's
    Errors: DataError naming file, dataset and what does not fit.
    """
    name = only_item(Path(file))
    name = name / "result.h5" if name.is_dir() else name
    with foreign(f"{kind}: {name}"):
        if not name.is_file():
            raise DataError(f"{name}: there is no such file; name a result, or a run folder that holds one")
        if is_hdf5(str(name)):
            values, size, where = _hdf5(str(name), kind, path)
        else:
            values, size, where = _numpy(name, kind, path)
        return Wave(_checked(values, kind, where), _pixel(pixel if pixel is not None else size, where), where)


def on_grid(wave: Wave, pixel, shape) -> np.ndarray:
    """(modes, *shape) complex64: a probe resampled to `pixel` about its middle, zero where the file has none.

    Errors: DataError where the pixel is not known.
    """
    step = np.asarray(pixel) / known_pixel(wave)
    old, new = np.array(wave.data.shape[-2:]), np.array(shape)
    start = old // 2 - (new // 2) * step
    inside = [(a + d * np.arange(n) > -0.5) & (a + d * np.arange(n) < m - 0.5)
              for a, d, n, m in zip(start, step, new, old)]  # fmt: skip
    out = resampled(wave.data, start, step, tuple(shape)) * (inside[0][:, None] & inside[1])
    if not np.abs(out).max() > 0:
        raise DataError(f"{wave.where}: the probe is zero everywhere")
    return out.astype(np.complex64)


def object_on_grid(wave: Wave, pixel, shape) -> np.ndarray:
    """(H, W) complex64: an object resampled to `pixel`, middle on middle; 1 where the file has none."""
    step, old = np.asarray(pixel) / known_pixel(wave), np.array(wave.data.shape[-2:])
    start = (old - 1) / 2 - (np.array(shape) - 1) / 2 * step
    y, x = ((a + d * np.arange(n) >= 0) & (a + d * np.arange(n) <= m - 1)
            for a, d, n, m in zip(start, step, shape, old))  # fmt: skip
    out = resampled(wave.data[0], start, step, tuple(shape))
    return np.where(y[:, None] & x, out, 1).astype(np.complex64)


def known_pixel(wave: Wave) -> np.ndarray:
    """(2,) m. Errors: DataError where neither file nor job tells it."""
    if wave.pixel is None:
        raise DataError(
            f"{wave.where}: the file does not say the size of a pixel; add `pixel: 25 nm` beside file:"
        )
    return wave.pixel


def _hdf5(name: str, kind: str, path: str):
    with open_hdf5(name) as file:
        place = path or _place(file, kind)
        data = dataset(file, place)
        values = complete(data, f"{name}: {place}")
        if values.dtype.names and {"real", "imag"} == set(values.dtype.names):
            values = values["real"] + 1j * values["imag"]
        if "MATLAB_class" in data.attrs:
            values = np.swapaxes(values, -1, -2) if values.ndim > 1 else values
        return values, _size(file, data, kind, values.shape), f"{name}: {place}"


def _place(file, kind: str) -> str:
    """Path of the array in a known layout. Errors: DataError with what the file has."""
    for place in PLACES[kind]:
        head, star, tail = place.partition("/*")
        if not star:
            if getattr(at(file, place), "ndim", 0) >= 2:
                return place
            continue
        group = at(file, head)
        known = sorted(group) if group is not None and not hasattr(group, "ndim") else []
        if len(known) > 1:
            raise DataError(
                f"{file.filename}: {len(known)} storages in {head} ({', '.join(known[:6])}); name one by "
                f"`path: {head}/{known[0]}{tail}`"
            )
        if known:
            return f"{head}/{known[0]}{tail}"
    has = names(file)
    raise DataError(
        f"{file.filename}: no {kind} where nanompi, ptypy, PyNX, Ptychodus, COSMIC or MATLAB results have it"
        f"; name the array by `path:`. The file has {', '.join(has[:12]) or 'no dataset'}"
        f"{' ...' if len(has) > 12 else ''}"
    )


def _size(file, data, kind: str, shape):
    """(row, column) m of a pixel, or None."""
    above = data.name.rsplit("/", 1)[0]
    for y, x in (("pixel_height_m", "pixel_width_m"),):
        if y in data.attrs and x in data.attrs:
            return data.attrs[y], data.attrs[x]
    for y, x in (("y_pixel_size", "x_pixel_size"), ("_psize", None), ("pixel_size", None)):
        found = [
            whole(dataset(file, f"{above}/{k}")) for k in (y, x) if k and at(file, f"{above}/{k}") is not None
        ]
        if len(found) == (2 if x else 1):
            return np.concatenate([np.ravel(v) for v in found])
    for place in ("entry_1/object/pixel_size", "p/dx_spec", "outputs/p/dx_spec"):
        if at(file, place) is not None:
            return np.ravel(whole(dataset(file, place)))
    return _far_field(file, shape) if kind == "probe" else _far_field(file, _probe_shape(file))


def _far_field(file, shape):
    """lambda z / (n p) of a CXI file that tells its geometry, or None."""
    places = [f"{SOURCE}/energy", *(f"{DETECTOR}/{k}" for k in ("distance", "y_pixel_size", "x_pixel_size"))]
    if shape is None or any(at(file, p) is None for p in places):
        return None
    energy, distance, y, x = (float(np.ravel(whole(dataset(file, p)))[0]) for p in places)
    return PLANCK_C / energy * distance / (shape[-2] * y), PLANCK_C / energy * distance / (shape[-1] * x)


def _probe_shape(file):
    for place in (f"{SOURCE}/probe", f"{SOURCE}/illumination"):
        if getattr(at(file, place), "ndim", 0) >= 2:
            return at(file, place).shape
    return None


def _numpy(name: Path, kind: str, path: str):
    with open(name, "rb") as file:
        head = file.read(6)
    if head[:6] == b"\x93NUMPY":
        return np.load(name, allow_pickle=False), None, str(name)
    if head[:2] != b"PK":
        old = head == b"MATLAB"
        raise DataError(
            f"{name} is neither HDF5 nor NPZ nor NPY"
            + ("; it is an old MATLAB file: save it with `-v7.3`, which is HDF5" if old else "")
        )
    with np.load(name, allow_pickle=False) as npz:
        keys = npz.files
        key = path or next((k for k in KEYS[kind] if k in keys), keys[0] if len(keys) == 1 else "")
        if key not in keys:
            raise DataError(
                f"{name}: no array {key or kind}{nearest(key, keys)}; name one by `path:`; there are "
                f"{', '.join(keys) or 'none'}"
            )
        size = [npz[k] for k in (f"{kind}_pixel_height_m", f"{kind}_pixel_width_m") if k in keys]
        return npz[key], (np.ravel(size) if len(size) == 2 else None), f"{name}: {key}"


def _checked(values: np.ndarray, kind: str, where: str) -> np.ndarray:
    """(modes, h, w) complex64. Errors: DataError for what cannot be a probe or an object."""
    if values.dtype.kind not in "fc":
        raise DataError(
            f"{where} holds values of type {values.dtype}, which are no wave; a {kind} has complex values"
        )
    if values.ndim < 2 or min(values.shape[-2:]) < LEAST or max(values.shape[-2:]) > LARGEST:
        raise DataError(
            f"{where} has the shape {values.shape}; a {kind} of (rows, columns) or (modes, rows, "
            f"columns), of {LEAST} to {LARGEST} pixels along a side, is needed"
        )
    values = values[0] if values.ndim == 4 else values  # the first of a series (Ptychodus, PtychoShelves)
    values = values.reshape(-1, *values.shape[-2:])
    if kind == "object" and len(values) > 1:
        raise DataError(f"{where} has {len(values)} layers or modes; an object of one layer is needed")
    if len(values) > MOST_MODES:
        raise DataError(
            f"{where} would be {len(values)} modes, at most {MOST_MODES} are taken; are these the frames?"
        )
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise DataError(f"{where}: {bad} values of the {kind} are not finite")
    if not np.any(values):
        raise DataError(f"{where}: the {kind} is zero everywhere")
    return values.astype(np.complex64)


def _pixel(value, where: str) -> np.ndarray | None:
    """(2,) m from one or two numbers; None where the file has none or nonsense."""
    if value is None:
        return None
    size = np.ravel(np.asarray(value, float))[:2]
    size = np.repeat(size, 2) if size.size == 1 else size
    if size.size != 2 or not np.isfinite(size).all() or not ((size > 1e-12) & (size < 1e-3)).all():
        raise DataError(
            f"{where}: its pixel of {size.tolist()} m is not believed; give `pixel: 25 nm` beside file:"
        )
    return size
