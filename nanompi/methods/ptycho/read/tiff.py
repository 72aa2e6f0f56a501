"""Folders of TIFF files, a frame in each, or files of many pages, and a text with the positions beside them.

    input: {file: scan_0042, positions: positions.txt, energy: 8 keV, distance: 2.1 m, pixel: 55 um}

The text is a table, a frame in each line: `x` (columns) and `y` (rows) of the place of the probe on the
sample, under a line that names the columns and their units (`# frame x(um) y(um)`), or as `columns` and
`units` say. Lines follow the numbers in the names of the files, but where a column holds these names.
"""

import codecs
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanompi.data.tiffs import ENDINGS, TiffFrames, tiffs_in
from nanompi.errors import DataError, JobError, nearest
from nanompi.io.tiff import is_tiff
from nanompi.methods.ptycho.read.mapped import Mapped, scan_of
from nanompi.methods.ptycho.read.unknown import names_axis, unit_in
from nanompi.methods.ptycho.scan import GIVES, STEPS, Scan
from nanompi.run.reading import Input
from nanompi.step import param, reader

MARKS = "#%;!"  # of lines that are no positions
TEXTS = ("*.txt", "*.dat", "*.csv")
NAME = re.compile(r"([A-Za-z_][\w.-]*)\s*(?:[(\[]\s*([^)\]]*?)\s*[)\]])?")  # x, x(um), x [um], x_um
PER = re.compile(r"(?<=\w)\s*/\s*([^\W\d_]+)")  # x/um
DECIMAL = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")  # a number with a decimal comma
LARGEST = 1 << 26  # bytes of a text that may hold positions


@dataclass
class Table:
    """A text of positions. cells : [[word of each column] of each line]; heads : [(name, unit)] or []"""

    file: str
    cells: list[list[str]]
    heads: list[tuple[str, str]]

    def column(self, number: int) -> np.ndarray:
        """(n,) its numbers. Errors: DataError where some are none."""
        try:
            return np.array([float(row[number]) for row in self.cells])
        except ValueError as error:
            raise DataError(f"{self.file}: column {number}: {error}") from None

    def named(self, letter: str) -> int | None:
        """The column that its head calls x or y."""
        return next((k for k, (name, _) in enumerate(self.heads) if names_axis(name.lower(), letter)), None)

    def images(self) -> list[str]:
        """Names of TIFF files in one of its columns; [] where it has none."""
        for column in zip(*self.cells, strict=True):
            if all(word.lower().endswith(ENDINGS) for word in column):
                return list(column)
        return []


@reader("tiff", gives=GIVES, steps=STEPS)
class Tiff:
    """Folders of TIFF files, or one of many pages, with the positions in a text."""

    positions: str = param(
        "", level="basic", help="text with a frame in each line, from the folder; the only one if not given"
    )
    columns: dict[str, int] = param(
        {}, level="basic", help="its columns x and y, counted from 0, where its head does not tell"
    )
    units: dict[str, str] = param(
        {}, level="basic", help="units of x and y, where its head does not tell; px = pixels of the object"
    )
    corner: bool = param(False, help="frames are stored with the zero frequency at [0, 0]")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """TIFF files with `positions:`, or a folder of them with one text whose head names x and y."""
        if os.path.isfile(path):
            return bool(given.get("positions")) and is_tiff(path)
        if not tiffs_in(Path(path)):
            return False
        return bool(given.get("positions")) or len(_tables(Path(path))) == 1

    def open(self, file: str, given: Input) -> Scan:
        """Frames and positions; nothing is loaded. Errors: JobError, DataError."""
        folder = Path(file) if os.path.isdir(file) else Path(file).parent
        table = self._table(folder)
        if not os.path.isfile(file) and not tiffs_in(folder) and not table.images():
            raise DataError(f"{folder} holds no TIFF files")
        source = TiffFrames.of(self._files(file, folder, table), f"{file}: frames")
        if len(table.cells) != source.shape[0]:
            raise DataError(f"{table.file} has {len(table.cells)} positions for {source.shape[0]} frames")
        places = {axis: self._place(table, axis) for axis in ("x", "y")}
        paths = {"frames": file, **{axis: axis for axis in places}}
        m = Mapped(file, places.__getitem__, places.__contains__, paths, {})
        return scan_of(m, source, given, self.corner, "tiff")

    def _table(self, folder: Path) -> Table:
        if self.positions:
            file = folder / self.positions
            if not file.is_file():
                near = nearest(self.positions, [one.name for one in _texts(folder)])
                raise DataError(f"input.positions: there is no {file}{near}")
            table = read_table(file)
            if not table.cells:
                raise DataError(f"{file} is no text with lines of numbers")
            return table
        found = _tables(folder) or [one for file in _texts(folder) if (one := read_table(file)).cells]
        if len(found) != 1:
            raise JobError(
                f"{folder} has {len(found)} texts that may hold the positions; name one with `positions:`"
            )
        return found[0]

    @staticmethod
    def _files(file: str, folder: Path, table: Table) -> list[str]:
        if os.path.isfile(file):
            return [file]
        if not (names := table.images()):
            return tiffs_in(folder)
        lost = [name for name in names if not (folder / name).is_file()]
        if lost:
            raise DataError(f"{table.file} names {lost[0]}, which {folder} does not have")
        return [str(folder / name) for name in names]

    def _place(self, table: Table, axis: str) -> tuple[np.ndarray, str]:
        """(n,) and its unit"""
        number = self._number(table, axis)
        unit = self.units.get(axis) or (table.heads[number][1] if table.heads else "")
        if not unit:
            error = JobError(f"{table.file} does not say the unit of {axis}: write `units: {{x: um, y: um}}`")
            error.missing = ("units",)
            raise error
        return table.column(number), unit

    def _number(self, table: Table, axis: str) -> int:
        names, width = [name for name, _ in table.heads], len(table.cells[0]) if table.cells else 0
        number = self.columns.get(axis, table.named(axis))
        if number is not None and 0 <= number < width:
            return number
        has = f"columns {', '.join(names)}" if names else f"{width} columns without names"
        error = JobError(
            f"{table.file} has {has}: which is {axis}? Write for example `columns: {{x: 1, y: 2}}`, counted "
            "from 0"
        )
        error.missing = ("columns",)
        raise error


def read_table(file: Path) -> Table:
    """The lines of a text that have as many words as most; no cells where it is no table of numbers."""
    lines = [_with_points(line.strip()) for line in _text(file).splitlines() if line.strip()]
    rows = [re.split(r"\s*[,;\t]\s*|\s+", line) for line in lines]
    first = next(
        (k for k, (line, row) in enumerate(zip(lines, rows, strict=True)) if _numbers(line, row)), None
    )
    if first is None:
        return Table(str(file), [], [])
    cells = [row for line, row in zip(lines[first:], rows[first:], strict=True) if line[0] not in MARKS]
    odd = next((k for k, row in enumerate(cells) if len(row) != len(cells[0])), None)
    if odd is not None:
        raise DataError(
            f"{file}: line {odd + 1} of the numbers has {len(cells[odd])} words, the first {len(cells[0])}"
        )
    head = PER.sub(r"[\1]", lines[first - 1].lstrip(MARKS)) if first else ""
    heads = NAME.findall(head)
    heads = [(name, unit or unit_in(name)) for name, unit in heads]
    return Table(str(file), cells, heads if len(heads) == len(cells[0]) else [])


def _text(file: Path) -> str:
    """A text as UTF-8, as UTF-16 where it begins so, else as Latin 1; "" for what is none"""
    try:
        raw = file.read_bytes() if file.stat().st_size <= LARGEST else b""
        if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return raw.decode("utf-16")
        return "" if b"\0" in raw else raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return "" if error.encoding.startswith("utf-16") else raw.decode("latin-1")
    except OSError:
        return ""


def _with_points(line: str) -> str:
    """A line whose words are numbers with decimal commas, with points"""
    words = re.split(r"\s*[;\t]\s*|\s+", line)
    commas = sum(bool(DECIMAL.fullmatch(word)) for word in words)
    pointed = any("." in word and _is_number(word) for word in words)
    return re.sub(r"(?<=\d),(?=\d)", ".", line) if commas >= 2 and not pointed else line


def _numbers(line: str, row: list[str]) -> bool:
    """Has a line two numbers at least?"""
    return line[0] not in MARKS and sum(map(_is_number, row)) >= 2


def _is_number(word: str) -> bool:
    try:
        return np.isfinite(float(word))
    except ValueError:
        return False


def _texts(folder: Path) -> list[Path]:
    return sorted(file for pattern in TEXTS for file in folder.glob(pattern))


def _tables(folder: Path) -> list[Table]:
    """Texts of a folder whose heads name x and y."""
    found = []
    for file in _texts(folder):
        try:
            table = read_table(file)
        except DataError:
            continue
        found += [table] if None not in (table.named("x"), table.named("y")) else []
    return found
