"""Spectra of Xspress3 readouts as areaDetector writes them: a file of points, or a file for each row.

Each frame is (detectors, channels). Scalers of channel k stand in NDAttributes: CHANkSCA0 clock ticks (of
12.5 ns), SCA1 ticks of resets, SCA3 all events, SCA8 width of an event in ticks; newer files have the factor
of dead time itself as SCA9 or CHANkDTFactor. Without that it is

    ticks / (ticks - events (width + 1) - resets)

the recommendation of the maker for these scalers.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanompi.data.source import Source, check_index
from nanompi.errors import DataError
from nanompi.io.hdf5 import at, dataset, hdf5, is_hdf5, open_hdf5, whole
from nanompi.methods.maps.read.spectra import STEPS, Spectra
from nanompi.methods.maps.read.stored import StoredSpectra
from nanompi.step import reader

PLACES = ("entry/data/data", "entry/instrument/detector/data")
ATTRIBUTES = ("entry/instrument/NDAttributes", "entry/instrument/detector/NDAttributes")
TICK = 12.5e-9  # s
CHANNELS = (1024, 2048, 4096)
NUMBER = re.compile(r"(\d+)(?=\D*$)")


@dataclass
class RowsOfFiles(Source):
    """A file of points for each row of a map; files[y] = "" where a row is missing: it reads as zeros."""

    files: list[str]
    place: str
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def where(self) -> str:
        """For messages."""
        return f"{next(filter(None, self.files))} and the others beside it"

    def origin(self) -> list:
        """All files."""
        return ["rows", self.place, *({"file": file} for file in self.files if file)]

    def reachable(self) -> bool:
        """Can this process open the first file?"""
        return is_hdf5(next(filter(None, self.files)))

    def read(self, index, threads: int = 1) -> np.ndarray:
        """(len(index), columns, detectors, channels). Errors: DataError."""
        index = check_index(index, self.shape[0], self.where)
        out = np.zeros((len(index), *self.shape[1:]), self.dtype)
        for row, y in zip(out, index):
            if file := self.files[y]:
                with open_hdf5(file) as opened:
                    source = StoredSpectra.of(opened, [self.place], ("point", "detector", "channel"))
                n = min(len(row), source.shape[0])
                row[:n] = source.read(np.arange(n))
                source.close()
        return out


@reader("xspress3", gives=None, steps=STEPS)
class Xspress3:
    """Xspress3 spectra in a file of points, or in a folder with a numbered file for each row of the map."""

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """Frames of (detectors, channels), as these readouts have them."""
        files = _files(path)
        if not files or not is_hdf5(str(files[0])):
            return False
        with open_hdf5(str(files[0])) as file:
            return bool(_place(file)) and any(at(file, name) is not None for name in ATTRIBUTES)

    def open(self, file: str, given):
        """Nothing is loaded. Errors: DataError."""
        files = _files(file)
        own = _points(files[0]) if len(files) == 1 and not Path(file).is_dir() else _rows(files)
        return {"data": own.data(file, "xspress3")}


def _files(path: str) -> list[Path]:
    """The file, or those of a folder in the order of their numbers."""
    if not Path(path).is_dir():
        return [Path(path)]
    named = [(NUMBER.search(one.stem), one) for one in Path(path).iterdir() if is_hdf5(str(one))]
    return [one for _, one in sorted((int(found[1]), one) for found, one in named if found)]


def _place(file) -> str:
    """Where the spectra stand; "" where there are none."""
    for name in PLACES:
        one = at(file, name)
        if isinstance(one, hdf5().Dataset) and one.ndim == 3 and one.shape[-1] in CHANNELS:
            return name
    return ""


def _points(file: Path) -> Spectra:
    with open_hdf5(str(file)) as opened:
        source = StoredSpectra.of(opened, [_place(opened)], ("point", "detector", "channel"))
        return Spectra(source, per_row=_times(opened, source.shape[1]))


def _rows(files: list[Path]) -> Spectra:
    """A map of files, whose numbers say which row each is; those that are missing between them are absent."""
    numbers = [int(NUMBER.search(one.stem)[1]) for one in files]
    rows, sizes, times = numbers[-1] - numbers[0] + 1, [], []
    for one in files:
        with open_hdf5(str(one)) as opened:
            place = _place(opened)
            if not place:
                raise DataError(f"{one} has no spectra ({' or '.join(PLACES)}); the files beside it have")
            sizes.append(dataset(opened, place).shape)
            dtype = dataset(opened, place).dtype.newbyteorder("=")
            times.append(_times(opened, sizes[-1][1]))
    if len({shape[1:] for shape in sizes}) > 1:
        known = " and ".join(sorted({str(shape[1:]) for shape in sizes}))
        raise DataError(f"{files[0].parent}: spectra of {known} (detectors, channels) cannot be one map")
    columns, at_row = max(shape[0] for shape in sizes), np.array(numbers) - numbers[0]
    absent, named = np.ones((rows, columns), bool), [""] * rows
    own = {
        name: np.full((rows, columns, sizes[0][1]), np.nan)
        for name in set.intersection(*(set(one) for one in times))
    }
    for y, file, shape, known in zip(at_row, files, sizes, times):
        named[y], absent[y, : shape[0]] = str(file), False
        for name, values in own.items():
            values[y, : shape[0]] = known[name][: shape[0]]
    source = RowsOfFiles(named, place, (rows, columns, *sizes[0][1:]), dtype)
    return Spectra(source, per_row=own, absent=absent)


def _times(opened, detectors: int) -> dict[str, np.ndarray]:
    """{"real", "live"} s of each detector at each point; {} where the scalers are not there."""
    group = next((at(opened, name) for name in ATTRIBUTES if at(opened, name) is not None), None)
    if group is None:
        return {}
    real, live = [], []
    for k in range(1, detectors + 1):
        own = {
            n: whole(group[f"CHAN{k}SCA{n}"]).astype(float)
            for n in (0, 1, 3, 8, 9)
            if f"CHAN{k}SCA{n}" in group
        }
        if f"CHAN{k}DTFactor" in group:
            own[9] = whole(group[f"CHAN{k}DTFactor"]).astype(float)
        if 0 not in own or not (9 in own or {1, 3, 8} <= own.keys()):
            return {}
        lost = own[3] * (own[8] + 1) + own[1] if 9 not in own else own[0] * (1 - 1 / np.maximum(own[9], 1))
        real.append(own[0] * TICK)
        live.append(np.maximum(own[0] - lost, 0) * TICK)
    return {"real": np.stack(real, -1), "live": np.stack(live, -1)}
