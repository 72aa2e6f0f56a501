"""Where each detector pixel stands: PONI files, and scattering angles from them.

Axes of the laboratory: 1 along the numbers of the rows (up, where frames are stored bottom first), 2 along
those of the columns, 3 along the beam. A detector point at (y, x) metres from its origin is first moved by
the point of normal incidence (PONI) and the distance L, then turned by rot1, rot2, rot3, as PONI files
mean it.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanompi.errors import DataError
from nanompi.io.hdf5 import must_exist

UNITS = {"2th_deg": "deg", "2th_rad": "rad", "q_nm^-1": "1/nm", "q_A^-1": "1/A"}
DETECTORS = {  # whose PONI files need not say it: pixel in m, rows and columns
    "pilatus": (172e-6, {"100k": (195, 487), "300k": (619, 487), "1m": (1043, 981), "2m": (1679, 1475),
                         "6m": (2527, 2463)}),
    "eiger": (75e-6, {"500k": (514, 1030), "1m": (1065, 1030), "4m": (2167, 2070), "9m": (3269, 3110),
                      "16m": (4371, 4150)}),
    "eiger2": (75e-6, {"500k": (512, 1028), "1m": (1062, 1028), "4m": (2162, 2068), "9m": (3262, 3108),
                       "16m": (4362, 4148)}),
}  # fmt: skip


@dataclass(frozen=True)
class Geometry:
    """A detector in the beam.

    distance : m from the sample to the PONI; poni : (row, column) m; rot : rad about 1, 2, 3
    pixel : (row, column) m; wavelength : m, None where nobody knows it
    orientation : 1 to 4, of PONI files: where the first pixel is seen from the sample; 3 = as stored
    shape : (rows, columns) for which it was made, None where it says nothing; file : where it comes from
    """

    distance: float
    poni: tuple[float, float]
    rot: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pixel: tuple[float, float] = (0.0, 0.0)
    wavelength: float | None = None
    orientation: int = 3
    shape: tuple[int, int] | None = None
    file: str = ""

    def lab(self, rows, columns, shape):
        """(t1, t2, t3) m of detector points, and the cosine of their incidence.

        rows, columns : in pixels from the corner of the first pixel; shape : of the frames
        """
        rows = shape[0] - rows if self.orientation in (1, 2) else rows
        columns = shape[1] - columns if self.orientation in (1, 4) else columns
        p1, p2 = rows * self.pixel[0] - self.poni[0], columns * self.pixel[1] - self.poni[1]
        (s1, s2, s3), (c1, c2, c3), L = np.sin(self.rot), np.cos(self.rot), self.distance
        t1 = p1 * c2 * c3 + p2 * (c3 * s1 * s2 - c1 * s3) - L * (c1 * c3 * s2 + s1 * s3)
        t2 = p1 * c2 * s3 + p2 * (c1 * c3 + s1 * s2 * s3) - L * (c1 * s2 * s3 - c3 * s1)
        t3 = p1 * s2 - p2 * c2 * s1 + L * c1 * c2
        return t1, t2, t3, L / np.sqrt(L * L + p1 * p1 + p2 * p2)

    def radial(self, two_theta, unit: str):
        """2 theta in rad as the radial coordinate of a pattern, in its unit."""
        if unit.startswith("2th"):
            return np.rad2deg(two_theta) if unit == "2th_deg" else two_theta
        length = {"q_nm^-1": 1e-9, "q_A^-1": 1e-10}[unit]
        return 4 * np.pi * length / self.wavelength * np.sin(two_theta / 2)

    def spacing(self, radial, unit: str):
        """Distance of lattice planes in m for a radial coordinate: Bragg's law."""
        if unit.startswith("q"):
            return 2 * np.pi * {"q_nm^-1": 1e-9, "q_A^-1": 1e-10}[unit] / radial
        two_theta = np.deg2rad(radial) if unit == "2th_deg" else radial
        return self.wavelength / (2 * np.sin(two_theta / 2))

    def of_spacing(self, d, unit: str):
        """The opposite; NaN where no ring has such a distance."""
        with np.errstate(invalid="ignore"):
            return self.radial(2 * np.arcsin(self.wavelength / (2 * np.asarray(d))), unit)


SENSIBLE = {"distance": (1e-3, 50.0), "wavelength": (1e-12, 1e-8), "pixel": (1e-7, 1e-2)}  # m


def read_poni(path: str) -> Geometry:
    """A PONI file of version 1, 2 or 2.1; of several calibrations in it the last counts.

    Errors: DataError naming what is missing or no number.
    """
    must_exist(path)
    lines = Path(path).read_text(errors="replace").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line.lstrip().startswith("#"))
    said = {name.strip().lower(): value.strip() for name, value in pairs}
    config = _config(path, said.get("detector_config", ""))
    number = lambda name, *default: _number(path, said, name, *default)  # noqa: E731
    size, shape = _detector(said.get("detector", ""))
    pixel = tuple(number(f"pixelsize{k}", float(config.get(f"pixel{k}") or size)) for k in (1, 2))
    shape = tuple(config["max_shape"]) if config.get("max_shape") else shape
    rot = tuple(number(f"rot{k}", 0.0) for k in (1, 2, 3))
    orientation = int(config.get("orientation") or 3)
    if orientation not in (1, 2, 3, 4):
        raise DataError(f"{path}: detector orientation {orientation} is not one of 1, 2, 3, 4")
    poni = number("poni1"), number("poni2")
    own = (poni, rot, pixel, number("wavelength", 0.0) or None, orientation, shape, str(path))
    return _in_metres(Geometry(number("distance"), *own))


def _in_metres(geometry: Geometry) -> Geometry:
    """The same. Errors: DataError for lengths that cannot be in m, as PONI files have them."""
    lengths = {"distance": geometry.distance, "wavelength": geometry.wavelength, "pixel": max(geometry.pixel)}
    for name, (low, high) in SENSIBLE.items():
        if lengths[name] and not low <= abs(lengths[name]) <= high:
            raise DataError(
                f"{geometry.file}: {name} = {lengths[name]:g} m; {low:g} to {high:g} m is sensible: a PONI "
                "file has all lengths in m"
            )
    return geometry


def _config(path: str, text: str) -> dict:
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise DataError(f"{path}: Detector_config is no JSON: {error}") from error
    return found if isinstance(found, dict) else {}


def _number(path: str, said: dict, name: str, *default: float) -> float:
    """A number of the file. Errors: DataError."""
    if said.get(name, "None") == "None":
        if default:
            return default[0]
        raise DataError(f"{path}: {name} is missing; a PONI file has distance, poni1, poni2, rot1 ...")
    try:
        return float(said[name])
    except ValueError as error:
        raise DataError(f"{path}: {name} = {said[name]} is no number") from error


def _detector(name: str) -> tuple[float, tuple[int, int] | None]:
    """Pixel size and shape of a detector by its name; 0, None where it is not known."""
    match = re.fullmatch(
        r"(pilatus|eiger2|eiger)(?:x?cdte)?(?:w?)(\d+[km])(?:w?)", re.sub(r"[^a-z0-9]", "", name.lower())
    )
    if not match:
        return 0.0, None
    size, shapes = DETECTORS[match[1]]
    return size, shapes.get(match[2])


def fits(geometry: Geometry, shape: tuple[int, int], pixel: tuple[float, float] | None) -> None:
    """Errors: DataError where a geometry was made for other frames.

    shape : of the frames; pixel : (row, column) m that their file says, or None
    """
    made = geometry.shape
    if made is not None and tuple(made) != tuple(shape):
        raise DataError(
            f"{geometry.file}: it is for frames of {made[0]} x {made[1]}, these have {shape[0]} x {shape[1]}"
            f"{_binned(made, shape)}"
        )
    if pixel is not None and abs(np.array(pixel) / geometry.pixel - 1).max() > 0.02:
        raise DataError(
            f"{geometry.file}: its pixels are of {_um(geometry.pixel)}, those of the frames of {_um(pixel)}; "
            "were the frames binned?"
        )


def _um(pixel) -> str:
    return f"{pixel[0] * 1e6:g} x {pixel[1] * 1e6:g} um"


def _binned(made, shape) -> str:
    """A hint where the frames are the others binned."""
    for n in range(2, 9):
        if all(abs(a / n - b) < 1 for a, b in zip(made, shape)):
            return f"; were they binned {n} x {n}? Then calibrate again, or write pixels {n} times as large"
    return "; is it the PONI of another detector?"
