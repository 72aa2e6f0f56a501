"""The results of ptychography runs as one tomogram: line integrals of the phase, or of the attenuation.

    input:
      format: tomo.collect
      runs: "runs/projections/latest/*"

A run knows its angle by `angle: 30 deg` in its input section; `angles:` names a text file in place of these,
a line for each run: `NAME ANGLE`, NAME a part of the run's path, or the angle alone, in the order of the
names. Images are cut to the size that all have, about their middles.
"""

import glob
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from nanompi.data.data import Data
from nanompi.data.source import Source, check_index
from nanompi.errors import DataError, NanompiError
from nanompi.io.hdf5 import at, dataset, foreign, must_exist, open_hdf5, whole
from nanompi.methods.ptycho.earlier_result import ENTRY
from nanompi.methods.tomo.phases import attenuation_lines, phase_lines
from nanompi.methods.tomo.read.tomogram import GIVES
from nanompi.run.result import result_file
from nanompi.step import param, reader
from nanompi.units import quantity

SAME = 1e-4  # of the pixel size: images that differ by more do not fit each other
IMAGE, SEEN, PIXEL, JOB, ENERGY = (
    f"{ENTRY}/{path}"
    for path in (
        "image_1/data",
        "image_1/mask",
        "object/pixel_size",
        "process_1/job/data",
        "instrument_1/source_1/energy",
    )
)
LINES = {"phase": phase_lines, "amplitude": attenuation_lines}


@dataclass(frozen=True)
class Projection:
    """What a result says of itself. angle : rad, None where it does not know; energy : J, 0 = not known"""

    file: str
    shape: tuple[int, int]
    pixel: tuple[float, float]
    angle: float | None
    energy: float


@dataclass
class RunImages(Source):
    """A source of projections (n, rows, columns) float32, each made of a result when it is read."""

    files: list[str]
    corners: list[tuple[int, int]]
    shape: tuple[int, int, int]
    lines: str
    sign: float = 1.0
    chunk: int = 1

    @property
    def dtype(self) -> np.dtype:
        """float32"""
        return np.dtype(np.float32)

    @property
    def where(self) -> str:
        """The first file, for messages."""
        return self.files[0]

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Projections `index`: (len(index), rows, columns). Errors: DataError."""
        index = check_index(index, len(self.files), self.where)
        with ThreadPoolExecutor(max(1, threads)) as pool:
            images = list(pool.map(self._one, index.tolist()))
        return np.stack(images) if images else np.empty((0, *self.shape[1:]), self.dtype)

    def _one(self, i: int) -> np.ndarray:
        (y, x), (_, h, w) = self.corners[i], self.shape
        cut = (slice(y, y + h), slice(x, x + w))
        with foreign(self.files[i]), open_hdf5(self.files[i]) as opened:
            image = whole(dataset(opened, IMAGE))
            masked = at(opened, SEEN) is not None
            seen = whole(dataset(opened, SEEN)) > 0 if masked else np.ones(image.shape, bool)
        if image.shape != seen.shape or not seen[cut].any():
            raise DataError(f"{self.files[i]}: /{SEEN} does not fit the image, or nothing of that was seen")
        lines = LINES[self.lines](image[cut].astype(np.complex128), seen[cut])
        return (self.sign * lines).astype(self.dtype)


@reader("tomo.collect", gives=GIVES, steps=("tomo.align", "tomo"))
class Collect:
    """Results of ptychography runs as a tomogram, by `format: tomo.collect`."""

    runs: str = param(help='run folders or results, by a pattern: "runs/scan-*/latest"')
    angles: str = param("", kind="file", help="text file: NAME ANGLE of each run, in degrees, or ANGLE alone")
    quantity: Literal["phase", "amplitude"] = param("phase", help="what of the images is reconstructed")
    needs: float = param(0.95, gt=0, le=1, help="part of the runs that must have a result")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """Never by a file."""
        return False

    def open(self, file: str, given) -> dict[str, Data]:
        """Line integrals at the angles of the runs; made when they are read. Errors: DataError."""
        folders = sorted(glob.glob(str(Path(self.runs).expanduser())), key=in_order)
        folders = [one for one in folders if Path(one).is_dir() or one.endswith(".h5")]
        if not folders:
            raise DataError(f"input.runs: {self.runs} names no run folder and no result.h5")
        table = listed(self.angles) if self.angles else {}
        notes: list[str] = []
        known = self._known(folders, table, notes)
        angles = angles_of(known, table, self.angles)
        pixel = common_pixel(known)
        data = self._data(known, angles, notes)
        energy = next((one.energy for one in known if one.energy), 0.0)
        data.facts = {"pixel": pixel} | ({"energy": energy} if energy else {})
        return {"data": data}

    def _known(self, folders: list[str], table: dict, notes: list[str]) -> list[Projection]:
        """Those that have a result; the others are named. Errors: DataError where too few have."""
        known, missing = [], []
        for folder in folders:
            try:
                known.append(projection_of(str(result_file(folder))))
            except NanompiError as error:
                missing.append(f"{folder} ({error})")
        names = [name for name in table if isinstance(name, str)]
        missing += [name for name in names if not any(has(one, name) for one in folders)]
        if missing:
            notes.append(f"warning: {len(missing)} runs have no result: {'; '.join(missing)}")
        total = len(known) + len(missing)
        if len(known) < self.needs * total:
            raise DataError(
                f"input.runs: {len(known)} of {total} runs have a result, {self.needs:.0%} are needed "
                f"(`needs:`); missing: {'; '.join(missing)}"
            )
        return known

    def _data(self, known: list[Projection], angles: np.ndarray, notes: list[str]) -> Data:
        shapes = np.array([one.shape for one in known])
        least = shapes.min(0)
        if (shapes != least).any():
            notes.append(f"images of up to {shapes.max(0)[0]} x {shapes.max(0)[1]} are cut to what all have")
        corners = [tuple(corner) for corner in ((shapes - least) // 2).tolist()]
        source = upright([o.file for o in known], corners, (len(known), *least.tolist()), self.quantity)
        phase = self.quantity == "phase"
        return Data(
            axes=("angle", "row", "column"),
            source=source,
            coords={"angle": (angles, "rad")},
            unit="rad" if phase else "1",
            title="phase" if phase else "attenuation",
            file=self.runs,
            format=self.name,
            notes=notes,
        )


def upright(*of) -> RunImages:
    """The source whose line integrals are positive on the whole, as those of matter are.

    Which sign its phase has depends on the convention of whoever made the image. Some projections tell.
    """
    source = RunImages(*of)
    some = np.unique([0, len(source.files) // 2, len(source.files) - 1])
    source.sign = -1.0 if source.read(some).sum(dtype=np.float64) < 0 else 1.0
    return source


def in_order(name: str) -> list:
    """Key by which run-2 stands before run-10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]


def has(path: str, name: str) -> bool:
    """Is `name` one of the parts of a path?"""
    return name in Path(path).parts


def projection_of(file: str) -> Projection:
    """What a result says of its projection; the image is not loaded. Errors: DataError."""
    with foreign(file), open_hdf5(file) as opened:
        for path in (IMAGE, PIXEL):
            if at(opened, path) is None:
                raise DataError(f"{file}: /{path} is missing: this is no image of a ptychography run")
        image, (y, x) = dataset(opened, IMAGE), whole(dataset(opened, PIXEL)).tolist()
        if len(image.shape) != 2 or min(image.shape) < 2 or not (0 < y < 1 and 0 < x < 1):
            raise DataError(f"{file}: /{IMAGE} is {image.shape} with pixels of {y:g} x {x:g} m")
        energy = float(whole(dataset(opened, ENERGY))) if at(opened, ENERGY) is not None else 0.0
        return Projection(file, tuple(image.shape), (y, x), _angle(opened), energy)


def _angle(opened) -> float | None:
    """rad: what the job of the run said; None where it did not."""
    if at(opened, JOB) is None:
        return None
    text = dataset(opened, JOB)[()]
    job = json.loads(text.decode() if isinstance(text, bytes) else text)
    angle = job.get("input", {}).get("angle")
    return None if angle is None else float(quantity(angle, "rad"))


def listed(file: str) -> dict:
    """{name or number of the line: degrees} of a text file. Errors: DataError naming the line."""
    must_exist(file)
    out: dict = {}
    for number, line in enumerate(Path(file).read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            out[words[0] if len(words) == 2 else len(out)] = float(words[-1])
        except ValueError:
            words = []
        if len(words) not in (1, 2):
            raise DataError(
                f"{file}: line {number} is {line.strip()!r}; a name and an angle in degrees are needed"
            )
    return out


def angles_of(known: list[Projection], table: dict, file: str) -> np.ndarray:
    """(n,) rad. Errors: DataError naming the runs whose angle nobody knows."""
    if table and not any(isinstance(name, str) for name in table):
        if len(table) != len(known):
            raise DataError(f"{file} has {len(table)} angles for {len(known)} runs; give names, too")
        return np.deg2rad(list(table.values()))
    if table:
        angles = [named(one.file, table) for one in known]
    else:
        angles = [one.angle for one in known]
    unknown = [one.file for one, angle in zip(known, angles) if angle is None]
    if unknown:
        raise DataError(
            f"the angle of {len(unknown)} of {len(known)} runs is not known: {', '.join(unknown[:5])}; say "
            "it in the input section of each (`angle: 30 deg`), or here by `angles: FILE`"
        )
    return np.array(angles, np.float64)


def named(file: str, table: dict) -> float | None:
    """rad: what a table says of the run of a result; None where it does not name it."""
    return next((float(np.deg2rad(angle)) for name, angle in table.items() if has(file, name)), None)


def common_pixel(known: list[Projection]) -> float:
    """m: the pixel of all images. Errors: DataError naming runs whose pixel is another, or not square."""
    sizes = np.array([one.pixel for one in known])
    usual = float(np.median(sizes))
    off = np.abs(sizes / usual - 1).max(1) > SAME
    if off.any():
        named = "; ".join(f"{one.file} ({one.pixel[0]:.6g} x {one.pixel[1]:.6g} m)"
                          for one, bad in zip(known, off) if bad)  # fmt: skip
        raise DataError(f"pixels differ by more than {SAME:g}: most are {usual:.6g} m, but {named}")
    return usual
