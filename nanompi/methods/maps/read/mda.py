"""Maps of spectra in EPICS MDA files (saveData): scans of rows, of points, of channels, one in another."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.data.source import Source, check_index
from nanompi.errors import DataError
from nanompi.io.mda import Column, Mda, Scan, is_mda, open_mda
from nanompi.methods.maps.read.spectra import GIVES, STEPS, Spectra
from nanompi.step import reader
from nanompi.units import DIMENSIONS

OF_DETECTOR = re.compile(r"(?:mca|dxp)(\d+)[.:](\w+)$")
KNOWN = {"ELTM": "live", "ERTM": "real", "InputCountRate": "icr", "OutputCountRate": "ocr"}


@dataclass
class MdaRows(Source):
    """Rows of a map, (columns, detectors, channels) each, found by the offsets of the file.

    measured : (rows, columns) bool; what is not stays zero
    """

    file: str
    shape: tuple[int, ...]
    measured: np.ndarray
    _open: Any = field(default=None, repr=False, compare=False)
    dtype = np.dtype(np.float32)

    def __getstate__(self):
        return {**self.__dict__, "_open": None}

    @property
    def where(self) -> str:
        """For messages."""
        return self.file

    def origin(self) -> list:
        """The file."""
        return ["mda", {"file": self.file}]

    def reachable(self) -> bool:
        """Can this process open the file?"""
        return is_mda(self.file)

    def read(self, index, threads: int = 1) -> np.ndarray:
        """(len(index), columns, detectors, channels). Errors: DataError."""
        index = check_index(index, self.shape[0], self.file)
        out = np.zeros((len(index), *self.shape[1:]), self.dtype)
        self._open = self._open or open_mda(self.file)
        for place, y in zip(out, index):
            self._row(place, int(y))
        self._open.rest()
        return out

    def _row(self, out: np.ndarray, y: int) -> None:
        row = self._open.scan(int(self._open.top.inner[y])) if self.measured[y].any() else None
        for x in np.flatnonzero(self.measured[y]):
            point = self._open.scan(int(row.inner[x]))
            if point is None or len(point.detectors) != self.shape[2]:
                raise DataError(f"{self.file}: the spectra at y {y}, x {x} are damaged, or not as the others")
            for k, one in enumerate(point.detectors):
                out[x, k] = one.values

    def close(self) -> None:
        """Let go of the file."""
        self._open = None


@reader("mda", gives=GIVES, steps=STEPS)
class MdaSpectra:
    """Maps of spectra in EPICS MDA files."""

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """An MDA file"""
        return is_mda(path)

    def open(self, file: str, given):
        """The spectra of a map; nothing is loaded. Errors: DataError."""
        mda = open_mda(file)
        if len(mda.shape) != 3:
            raise DataError(
                f"{file} has scans of {' x '.join(map(str, mda.shape))} points, and no spectra at the points "
                "of a map (rows, columns, channels); spectra of a fly scan stand in files of their own"
            )
        return {"data": _spectra(mda).data(file, "mda")}


def _spectra(mda: Mda) -> Spectra:
    rows = mda.rows()
    measured = _measured(mda, rows)
    first = next((row for row, own in zip(rows, measured) if own.any()), None)
    if first is None:
        raise DataError(f"{mda.file}: no spectrum was measured; was the scan stopped, the file cut short?")
    point = mda.scan(int(first.inner[0]))
    if not point.detectors:
        raise DataError(f"{mda.file}: its innermost scan has no detectors, so there are no spectra")
    numbers = [int(found[1]) if (found := OF_DETECTOR.search(d.name)) else 0 for d in point.detectors]
    shape = (*mda.shape[:2], len(numbers), point.points)
    return Spectra(
        MdaRows(mda.file, shape, measured),
        y=_along(mda.top),
        x=_along(first),
        energies=_energies(mda.pvs(), numbers[0], point.points),
        per_row=_scalers(rows, mda.shape[1], numbers),
        absent=~measured,
    )


def _measured(mda: Mda, rows: list[Scan | None]) -> np.ndarray:
    """(rows, columns) bool, points whose spectra lie within the file. All are as long as the first one, which
    alone is looked at: a map may have a million."""
    out, length = np.zeros(mda.shape[:2], bool), 0
    for y, row in enumerate(rows):
        if row is not None and row.done:
            begins = row.inner[: row.done].astype(np.int64)
            length = length or mda.length(int(begins[0]))
            out[y, : row.done] = (length > 0) & (begins > 0) & (begins + length <= len(mda.raw))
    return out


def _along(scan: Scan) -> tuple[np.ndarray, str] | None:
    """Places of the points of a scan, in m where the unit is a length; of its first positioner."""
    if not scan.positioners:
        return None
    one = scan.positioners[0]
    length = DIMENSIONS["m"].get(one.unit)
    values = one.values.astype(float)
    return (values, one.unit) if length is None else (values * length, "m")


def _energies(pvs: dict, detector: int, channels: int) -> np.ndarray | None:
    """(channels,) eV by offset, slope and quadratic term of the calibration that the file holds, which are
    in keV as a rule: a channel of less than 1 can be nothing else."""
    own = {k.rpartition(".")[2]: v for k, v in pvs.items() if f"mca{detector}." in k and isinstance(v, float)}
    if not own.get("CALS"):
        return None
    k = np.arange(channels)
    values = own.get("CALO", 0.0) + own["CALS"] * k + own.get("CALQ", 0.0) * k**2
    return values * (1e3 if own["CALS"] < 1 else 1.0)


def _scalers(rows: list[Scan | None], columns: int, numbers: list[int]) -> dict[str, np.ndarray]:
    """Detectors of the scans of rows by name; those that each detector has are one array (y, x, detector)."""
    first = next(row for row in rows if row is not None)
    names = [one.name for one in first.detectors]
    every = np.full((len(rows), columns, len(names)), np.nan)
    for y, row in enumerate(rows):
        if row is not None and len(row.detectors) == len(names):
            every[y, : row.done] = np.transpose([_values(one, row.done) for one in row.detectors])
    out, place = {}, {}
    for k, name in enumerate(names):
        found = OF_DETECTOR.search(name)
        if found and found[2] in KNOWN:
            place[KNOWN[found[2]], int(found[1])] = k
        else:
            out[name.partition(":")[2] or name] = every[..., k]
    for kind in KNOWN.values():
        own = [place.get((kind, number)) for number in numbers]
        if None not in own:
            out[kind] = every[..., own]
    return out


def _values(one: Column, done: int) -> np.ndarray:
    return one.values[:done].astype(float)
