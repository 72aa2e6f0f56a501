"""What a result says of one of its images, and the image itself: waves, phases, attenuation, any map."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanompi.errors import DataError, JobError
from nanompi.io.hdf5 import at, dataset, foreign, open_hdf5, text, whole
from nanompi.io.quantities import scale_of
from nanompi.methods.ptycho.earlier_result import ENTRY
from nanompi.methods.tomo.phases import attenuation_lines, phase_lines
from nanompi.units import quantity

WAVE, SEEN, PIXEL, CORNER, ORIGIN, ENERGY, JOB, GRADE = (
    f"{ENTRY}/{path}"
    for path in (
        "image_1/data",
        "image_1/mask",
        "object/pixel_size",
        "object/corner",
        "image_1/origin",
        "instrument_1/source_1/energy",
        "process_1/job/data",
        "process_1/verdict/grade",
    )
)
UNITS = {"phase": "rad", "attenuation": "1", "amplitude": "", "complex": ""}  # made of the wave
BARE = {"angle": ("rad", "deg"), "energy": ("J", "keV")}  # of what the items of a stage say
EVEN = 0.02  # of a pixel, by which the places of a map may stand off a grid


@dataclass(frozen=True)
class Image:
    """What a result says of an image, which is not loaded.

    of     : the quantity, of `UNITS`, or the name of a map
    pixel  : (2,) m; None = the map does not say it; corner : (2,) m, middle of its first pixel, None likewise
    values : {"angle": rad, "energy": J, what else the stage says of the item}
    grade  : what the run was found to be, of `verdict.GRADES`; "" = nothing said so
    """

    file: str
    of: str
    shape: tuple[int, int]
    dtype: np.dtype
    unit: str
    pixel: tuple[float, float] | None
    corner: tuple[float, float] | None
    values: dict[str, Any]
    grade: str = ""

    @property
    def wave(self) -> bool:
        """Is it made of the complex image of ptychography?"""
        return self.of in UNITS


def image_of(file: str, said: dict, of: str) -> Image:
    """What a result says of the image `of`. said : values of the item. Errors: DataError, JobError."""
    with foreign(file), open_hdf5(file) as opened:
        values = {name: _value(name, one) for name, one in said.items()} | _of_job(opened)
        grade = _grade(opened)
        if of in UNITS:
            shape, pixel, corner = _wave(opened, file)
            dtype = np.dtype(np.complex64 if of == "complex" else np.float32)
            return Image(file, of, shape, dtype, UNITS[of], pixel, corner, values, grade)
        data = _map(opened, file, of)
        pixel, corner = _places(opened, of, data.shape)
        dtype = np.dtype(data.dtype if data.dtype.kind in "fc" else np.float32)
        unit = text(data.attrs.get("units", ""))
        return Image(file, of, tuple(data.shape), dtype, unit, pixel, corner, values, grade)


def is_ptychography(file: str) -> bool:
    """Does a result hold the complex image of a ptychography run? Errors: DataError."""
    with foreign(file), open_hdf5(file) as opened:
        return at(opened, WAVE) is not None


def _value(name: str, said):
    """rad or J of an angle or an energy; other values as they are."""
    if name not in BARE or isinstance(said, bool):
        return said
    unit, bare = BARE[name]
    return float(quantity(said if isinstance(said, str) else f"{said} {bare}", unit))


def _of_job(opened) -> dict[str, float]:
    """Angle and energy, as the job and the result of the run have them."""
    own, data = {}, at(opened, JOB)
    if data is not None:
        said = data[()]
        job = json.loads(said.decode() if isinstance(said, bytes) else said)
        angle = job.get("input", {}).get("angle")
        own |= {} if angle is None else {"angle": float(quantity(angle, "rad"))}
    if at(opened, ENERGY) is not None:
        own["energy"] = float(whole(dataset(opened, ENERGY)))
    return own


def _grade(opened) -> str:
    """The verdict of the run; "" where it holds none"""
    said = at(opened, GRADE)
    return "" if said is None else text(said[()])


def _wave(opened, file: str):
    """(shape, pixel, corner) of the image of ptychography. Errors: DataError."""
    for path in (WAVE, PIXEL):
        if at(opened, path) is None:
            raise DataError(f"{file}: /{path} is missing: this is no image of a ptychography run")
    shape, pixel = tuple(dataset(opened, WAVE).shape), whole(dataset(opened, PIXEL)).ravel()
    if len(shape) != 2 or min(shape) < 2 or len(pixel) != 2 or not ((pixel > 0) & (pixel < 1)).all():
        raise DataError(f"{file}: /{WAVE} is {shape} with pixels of {pixel} m")
    corner = None
    if at(opened, CORNER) is not None and at(opened, ORIGIN) is not None:
        corner = whole(dataset(opened, CORNER)) + pixel * whole(dataset(opened, ORIGIN))
        if corner.shape != (2,) or not np.isfinite(corner).all():
            raise DataError(f"{file}: /{CORNER} is {corner}; two lengths in m are needed")
    return shape, tuple(pixel.tolist()), None if corner is None else tuple(corner.tolist())


def _map(opened, file: str, of: str):
    """The dataset of a map. Errors: JobError naming those that there are."""
    data = at(opened, f"{ENTRY}/{of}/data")
    if data is None or len(data.shape) != 2 or min(data.shape) < 2:
        maps = [name for name in at(opened, ENTRY) or ()
                if len(getattr(at(opened, f"{ENTRY}/{name}/data"), "shape", ())) == 2]  # fmt: skip
        raise JobError(
            f'input.signal: {file} has no image "{of}"; it has {", ".join(maps) or "none"}; of ptychography '
            f"also {', '.join(UNITS)}"
        )
    return dataset(opened, f"{ENTRY}/{of}/data", checked=True)


def _places(opened, of: str, shape):
    """(pixel, corner) of a map from its axes, in m; (None, None) where these are not even, or have no unit"""
    pixel, corner = [], []
    for axis, n in zip("yx", shape):
        data = at(opened, f"{ENTRY}/{of}/{axis}")
        along = None if data is None else np.asarray(data[()], float).ravel()
        if along is None or len(along) != n or n < 2 or not text(data.attrs.get("units", "")).endswith("m"):
            return None, None
        along = along * scale_of(text(data.attrs["units"]), "m", of)
        step = float(np.diff(along).mean())
        if not step > 0 or np.abs(np.diff(along) - step).max() > EVEN * step:
            return None, None
        pixel.append(step)
        corner.append(float(along[0]))
    return tuple(pixel), tuple(corner)


@dataclass
class Loaded:
    """values : (rows, columns) complex or real; seen : bool, pixels that count"""

    values: np.ndarray
    seen: np.ndarray


def load(image: Image) -> Loaded:
    """The image of a result as it is stored: the wave, or the map. Errors: DataError."""
    with foreign(image.file), open_hdf5(image.file) as opened:
        if not image.wave:
            values = whole(dataset(opened, f"{ENTRY}/{image.of}/data")).astype(image.dtype)
            seen = np.isfinite(values)
            return Loaded(values, seen)
        values = whole(dataset(opened, WAVE))
        masked = at(opened, SEEN) is not None
        seen = whole(dataset(opened, SEEN)) > 0 if masked else np.ones(values.shape, bool)
        if values.shape != seen.shape or not seen.any():
            raise DataError(f"{image.file}: /{SEEN} does not fit the image, or nothing of that was seen")
        return Loaded(values, seen)


def made(image: Image, own: Loaded) -> np.ndarray:
    """(rows, columns) of what was asked for: line integrals of a wave's phase or attenuation, with 0 in the
    air, its amplitude, itself; a map with NaN where it is not known."""
    if image.of == "phase":
        return phase_lines(own.values.astype(np.complex128), own.seen)
    if image.of == "attenuation":
        return attenuation_lines(own.values, own.seen)
    if image.of == "amplitude":
        return np.abs(own.values)
    return own.values if image.wave else np.where(own.seen, own.values, np.nan)
