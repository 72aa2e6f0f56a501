"""Maps of SSRF BL13U: a folder with a text for each point, ROW_COLUMN.txt, counted from 1.

Each has a line for each of 4096 channels: a first column that is not used, then the counts of three
detectors. Beside the folder (FullWaveForm) may stand D1.txt with the beam monitor of each point.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanompi.data.source import Source, check_index
from nanompi.errors import DataError
from nanompi.methods.maps.read.spectra import GIVES, STEPS, Spectra
from nanompi.step import reader

NAME = re.compile(r"(\d+)_(\d+)\.txt$")
FOLDER, MONITOR = "FullWaveForm", "D1.txt"
HEAD, LEADING = 6, 2  # lines before the numbers of the monitor, columns before those of the points


@dataclass
class TextRows(Source):
    """Rows of a map, (columns, detectors, channels) each, in one text for each point.

    measured : (rows, columns) bool; what is not reads as zeros
    """

    folder: str
    shape: tuple[int, ...]
    measured: np.ndarray
    dtype = np.dtype(np.float32)

    @property
    def where(self) -> str:
        """For messages."""
        return self.folder

    def origin(self) -> list:
        """All texts."""
        names = [f"{y + 1}_{x + 1}.txt" for y, x in np.argwhere(self.measured)]
        return ["texts", *({"file": str(Path(self.folder) / name)} for name in names)]

    def reachable(self) -> bool:
        """Can this process see the folder?"""
        return Path(self.folder).is_dir()

    def read(self, index, threads: int = 1) -> np.ndarray:
        """(len(index), columns, detectors, channels). Errors: DataError naming the text."""
        from concurrent.futures import ThreadPoolExecutor

        index = check_index(index, self.shape[0], self.folder)
        out = np.zeros((len(index), *self.shape[1:]), self.dtype)
        places = [(k, y, x) for k, y in enumerate(index) for x in np.flatnonzero(self.measured[y])]

        def one(place):
            k, y, x = place
            out[k, x] = counts_of(Path(self.folder) / f"{y + 1}_{x + 1}.txt", self.shape[-1])

        with ThreadPoolExecutor(max(1, threads)) as pool:
            list(pool.map(one, places))
        return out


@reader("bl13u", gives=GIVES, steps=STEPS)
class Bl13u:
    """Folders of texts, one for each point, of SSRF BL13U."""

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """A folder with texts called ROW_COLUMN.txt, or one that holds FullWaveForm"""
        folder = _folder(path)
        return folder is not None and any(NAME.fullmatch(one.name) for one in folder.iterdir())

    def open(self, file: str, given):
        """Nothing is loaded but one text. Errors: DataError."""
        folder = _folder(file)
        places = [
            tuple(map(int, found.groups())) for one in folder.iterdir() if (found := NAME.fullmatch(one.name))
        ]
        if min(map(min, places)) < 1:
            raise DataError(f"{folder}: rows and columns count from 1 in the names of its texts")
        h, w = np.max(places, axis=0)
        measured = np.zeros((h, w), bool)
        measured[tuple(np.array(places).T - 1)] = True
        first = counts_of(folder / "{}_{}.txt".format(*places[0]))
        source = TextRows(str(folder), (int(h), int(w), *first.shape), measured)
        monitor = _monitor(folder.parent / MONITOR, h * w)
        per_row = {} if monitor is None else {"monitor": monitor.reshape(h, w)}
        return {"data": Spectra(source, per_row=per_row, absent=~measured).data(file, "bl13u")}


def _folder(path: str) -> Path | None:
    folder = Path(path)
    inner = folder / FOLDER
    return inner if inner.is_dir() else folder if folder.is_dir() else None


def counts_of(path: Path, channels: int = 0) -> np.ndarray:
    """(detectors, channels) of a text. Errors: DataError where it is cut short or no table of numbers."""
    try:
        text = path.read_text().strip()
        columns = len(text.partition("\n")[0].split())
        table = np.array(text.split(), np.float64).reshape(text.count("\n") + 1, columns)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no table of numbers with columns of one length ({error})") from error
    if table.shape[1] < 2 or (channels and len(table) != channels):
        raise DataError(
            f"{path} has {len(table)} lines of {table.shape[1]} numbers; the others have {channels or 'more'}"
        )
    return table[:, 1:].T


def _monitor(path: Path, n: int) -> np.ndarray | None:
    """(n,) the last column of the monitor's text; None where there is none of that length."""
    if not path.is_file():
        return None
    rows = [line.split()[LEADING:] for line in path.read_text().splitlines()[HEAD:] if line.strip()]
    values = np.array([value for row in rows for value in row], np.float64)
    return values if len(values) == n else None
