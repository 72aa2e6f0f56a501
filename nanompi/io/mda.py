"""EPICS MDA files, which saveData writes: a tree of scans, an inner one at each point of an outer one.

Numbers are big-endian (XDR); a text is its length, its length again, and its characters up to a multiple of
four. A scan has positioners (float64) and detectors (float32), with one value for each point; channels of a
spectrum are the points of the innermost scan. Versions 1.2 to 1.4.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanompi.errors import DataError
from nanompi.io.hdf5 import foreign

VERSIONS = (1.2, 1.3, 1.4)
TEXT, CHARACTERS, FLOAT, DOUBLE = 0, 32, 30, 34  # types of PVs; all others are integers of four bytes


@dataclass(frozen=True)
class Column:
    """A positioner or detector of a scan: its PV, what that says of itself, its unit, its values."""

    name: str
    text: str
    unit: str
    values: np.ndarray


@dataclass(frozen=True)
class Scan:
    """One scan. points : asked for; done : measured; inner : bytes at which the scan of each point begins"""

    rank: int
    points: int
    done: int
    inner: np.ndarray
    positioners: list[Column]
    detectors: list[Column]


class Numbers:
    """Reads one number or text after another."""

    def __init__(self, raw: bytes, at: int = 0):
        self.raw, self.at = raw, at

    def whole(self) -> int:
        """An integer"""
        return self._one(">i")

    def real(self) -> float:
        """A float"""
        return self._one(">f")

    def _one(self, kind: str):
        (value,) = struct.unpack_from(kind, self.raw, self.at)
        self.at += 4
        return value

    def text(self) -> str:
        """A counted text"""
        if self.whole() == 0:
            return ""
        n = self.whole()
        text = bytes(self.raw[self.at : self.at + n]).decode("latin1")
        self.at += (n + 3) & ~3
        return text

    def array(self, kind: str, n: int) -> np.ndarray:
        """n numbers"""
        values = np.frombuffer(self.raw, kind, n, self.at)
        self.at += values.nbytes
        return values


@dataclass
class Mda:
    """A file. shape : points of each scan, the outermost first; top : the outermost; raw : all bytes, mapped;
    extra : where the values of other PVs begin, or 0"""

    file: str
    shape: tuple[int, ...]
    top: Scan
    raw: np.ndarray
    extra: int

    def scan(self, at: int) -> Scan | None:
        """The scan that begins at a byte; None where there is none, or the file ends before it does."""
        if not 0 < at < len(self.raw):
            return None
        try:
            return _scan(Numbers(self.raw, at))
        except (ValueError, struct.error):
            return None

    def rest(self) -> None:
        """Take no memory for what was read: it stays in the cache of files, and comes back at a touch."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.raw._mmap.madvise(mmap.MADV_DONTNEED)

    def length(self, at: int) -> int:
        """Bytes of the scan that begins at a byte; 0 where there is none, or the file ends before it does."""
        if not 0 < at < len(self.raw):
            return 0
        numbers = Numbers(self.raw, at)
        try:
            _scan(numbers)
        except (ValueError, struct.error):
            return 0
        return numbers.at - at

    def rows(self) -> list[Scan | None]:
        """Of the scans at the points of the outermost; None for one that was not measured."""
        known = [self.scan(int(at)) for at in self.top.inner[: self.top.done]]
        return known + [None] * (self.top.points - len(known))

    def pvs(self) -> dict[str, str | float]:
        """Other values that were saved: texts, and the first number of each of the rest."""
        if not self.extra:
            return {}
        numbers, out = Numbers(self.raw, self.extra), {}
        with foreign(f"{self.file}: the values at its end"):
            for _ in range(numbers.whole()):
                name, _, kind = numbers.text(), numbers.text(), numbers.whole()
                out[name] = numbers.text() if kind == TEXT else _first(numbers, kind)
        return out


def _first(numbers: Numbers, kind: int) -> float:
    """The first number of a PV"""
    n, _ = numbers.whole(), numbers.text()
    if kind == CHARACTERS:
        return float(numbers.array(">i1", (n + 3) & ~3)[0]) if n else 0.0
    values = numbers.array({FLOAT: ">f4", DOUBLE: ">f8"}.get(kind, ">i4"), n)
    return float(values[0]) if n else 0.0


def is_mda(path: str) -> bool:
    """Does a file begin as one of these does?"""
    try:
        with open(path, "rb") as file:
            version, _, rank = struct.unpack(">fii", file.read(12))
    except (OSError, struct.error):
        return False
    return round(version, 4) in VERSIONS and 1 <= rank <= 4


def open_mda(path: str) -> Mda:
    """A file, of which the head alone is read. Errors: DataError."""
    if not is_mda(path):
        raise DataError(f"{path} is no MDA file of version 1.2 to 1.4, as saveData of EPICS writes them")
    with foreign(path):
        raw = np.memmap(Path(path), np.uint8, "r")
        numbers = Numbers(raw, 8)
        shape = tuple(map(int, numbers.array(">i4", numbers.whole())))
        numbers.whole()  # are all scans as long as the first?
        extra = numbers.whole()
        return Mda(str(path), shape, _scan(numbers), raw, extra)


def _scan(numbers: Numbers) -> Scan:
    rank, points, done = (numbers.whole() for _ in range(3))
    inner = numbers.array(">i4", points) if rank > 1 else np.arange(0)
    numbers.text(), numbers.text()  # its name, when it began
    counts = [numbers.whole() for _ in range(3)]
    heads = [[_head(numbers, 7) for _ in range(counts[0])], [_head(numbers, 3) for _ in range(counts[1])]]
    for _ in range(counts[2]):  # triggers
        numbers.whole(), numbers.text(), numbers.real()
    placed, read = (
        [Column(*head, numbers.array(kind, points)) for head in own]
        for own, kind in zip(heads, (">f8", ">f4"))
    )
    return Scan(rank, points, done, inner, placed, read)


def _head(numbers: Numbers, texts: int) -> tuple[str, str, str]:
    """Name, text, unit of a positioner (7 texts, the mode of its steps before the unit) or a detector (3)."""
    numbers.whole()
    own = [numbers.text() for _ in range(texts)]
    return own[0], own[1], own[3] if texts == 7 else own[2]
