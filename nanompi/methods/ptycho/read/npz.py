"""NPZ files by key map, also compressed as a whole (.npz.bz2, .npz.gz).

    input:
      file: siemens.npz.bz2
      paths: {frames: data, positions: scan, probe: probe}
      units: {positions: px}
      corner: true

Leading dimensions of length one are dropped; the conventions of positions stand in `mapped`. An
uncompressed NPZ is mapped into memory, so that a rank reads its own frames; of a compressed one a rank must
read all.
"""

import bz2
import gzip
import io
import os
import zipfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.data.source import Source, check_index
from nanompi.errors import DataError, ResourceError, nearest
from nanompi.io.hdf5 import foreign, must_exist, reason
from nanompi.io.quantities import flat_frames
from nanompi.methods.ptycho.read.mapped import Mapped, check, scan_of
from nanompi.methods.ptycho.scan import GIVES, STEPS, Scan
from nanompi.run.reading import Input
from nanompi.step import param, reader
from nanompi.units import show

PACKED = {".bz2": bz2.open, ".gz": gzip.open}


@reader("npz", gives=GIVES, steps=STEPS)
class Npz:
    """NPZ files (also .npz.bz2, .npz.gz), by `paths:` and `units:`."""

    needs_paths = True  # `nanompi init` guesses them

    paths: dict[str, str] = param(
        {}, level="basic", help="keys of the arrays: frames, x, y or positions, mask, probe ..."
    )
    units: dict[str, str] = param({}, help="unit of each of them; positions may be in px of the object")
    corner: bool = param(False, help="frames are stored with the zero frequency at [0, 0]")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """By the end of its name."""
        return path.lower().endswith((".npz", ".npz.bz2", ".npz.gz")) and not os.path.isdir(path)

    def open(self, file: str, given: Input) -> Scan:
        """Positions, geometry, start arrays by the keys.

        Errors: JobError, DataError naming key and what there is.
        """
        check(self.paths, self.units, "data", given)
        with zip_of(file) as archive:
            keys = [n.removesuffix(".npy") for n in archive.namelist()]
            m = Mapped(
                file,
                lambda key: (array_of(archive, file, key), ""),
                keys.__contains__,
                self.paths,
                self.units,
            )
            source = NpzFrames.of(archive, file, self.paths["frames"])
            if source.whole:
                source.keep(archive)  # unpacking once more would double the time
                size = int(np.prod(source.shape)) * source.dtype.itemsize
                m.notes.append(
                    f"compressed NPZ: rank 0 holds all of it until the frames are loaded ({show(size, 'B')})"
                )
            return scan_of(m, source, given, self.corner, "npz")


def zip_of(path: str) -> zipfile.ZipFile:
    """The archive, unpacked in memory when it is compressed as a whole. Errors: DataError."""
    must_exist(path)
    unpack = PACKED.get(os.path.splitext(path)[1].lower())
    try:
        if unpack is None:
            return zipfile.ZipFile(path)
        with unpack(path) as file:
            return zipfile.ZipFile(io.BytesIO(file.read()))
    except MemoryError:
        raise ResourceError(f"{path}: what it unpacks to does not fit into memory") from None
    except Exception as error:
        raise _broken(path, error) from error


def _broken(path: str, error: Exception) -> DataError:
    size = os.path.getsize(path)
    return DataError(
        f"{path} ({size} bytes) cannot be read as NPZ ({reason(error)}); it is truncated or damaged: copy it "
        "again"
    )


def _member(archive: zipfile.ZipFile, path: str, key: str) -> str:
    for name in (f"{key}.npy", key):
        if name in archive.namelist():
            return name
    keys = [n.removesuffix(".npy") for n in archive.namelist()]
    raise DataError(f'{path}: no array "{key}"{nearest(key, keys)}; the file has {", ".join(keys)}')


def array_of(archive: zipfile.ZipFile, path: str, key: str) -> np.ndarray:
    """One array, leading dimensions of length one dropped. Errors: DataError (also for pickled objects)."""
    with foreign(f"{path}: array {key}"), archive.open(_member(archive, path, key)) as file:
        return _squeezed(np.lib.format.read_array(file, allow_pickle=False))


def _squeezed(a: np.ndarray) -> np.ndarray:
    while a.ndim > 1 and a.shape[0] == 1:
        a = a[0]
    return a


@dataclass
class NpzFrames(Source):
    """Frames of an NPZ.

    whole  : the file is compressed: the first read loads all frames, which stay in this process
    offset : of the array's first byte in the file, where it is not compressed
    """

    file: str
    key: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    whole: bool
    offset: int = 0
    chunk: int = 1
    _held: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, archive: zipfile.ZipFile, path: str, key: str) -> "NpzFrames":
        """The source for an array of an open archive; only its header is read."""
        name = _member(archive, path, key)
        with foreign(f"{path}: array {key}"), archive.open(name) as member:
            shape, fortran, dtype = _header(member, f"{path}: {key}")
            begin = member.tell()
        info = archive.getinfo(name)
        packed = os.path.splitext(path)[1].lower() in PACKED
        whole = packed or info.compress_type != zipfile.ZIP_STORED or fortran
        offset = 0 if whole else _data_start(path, info) + begin
        return cls(os.path.abspath(path), key, flat_frames(shape, f"{path}: {key}"), dtype, whole, offset)

    def __getstate__(self):
        return {**self.__dict__, "_held": None}

    @property
    def where(self) -> str:
        """File and array, for messages."""
        return f"{self.file}: {self.key}"

    def origin(self) -> list:
        """The array and its file."""
        return ["npz", self.key, {"file": self.file}]

    def reachable(self) -> bool:
        """Can this process read the file?"""
        return os.path.isfile(self.file) and os.access(self.file, os.R_OK)

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Frames `index` in any order: (len(index), rows, columns). Errors: DataError."""
        index = check_index(index, self.shape[0], self.where)
        with foreign(f"{self.file}: array {self.key}"):
            if self._held is None:
                self._held = self._load()
            return self._held[index]

    def keep(self, archive: zipfile.ZipFile) -> None:
        """Load all frames from an open archive and hold them in this process."""
        self._held = array_of(archive, self.file, self.key).reshape(self.shape)

    def close(self) -> None:
        """Let go of all frames; the next read unpacks them again."""
        self._held = None

    def _load(self) -> np.ndarray:
        if self.whole:
            with zip_of(self.file) as archive:
                self.keep(archive)
            return self._held
        return np.memmap(self.file, self.dtype, "r", self.offset, self.shape)


def _header(member, where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, Fortran order, dtype) of a .npy member. Errors: DataError for a damaged or pickled array."""
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(member)
    if dtype.hasobject:
        raise DataError(f"{where} holds Python objects, which are not loaded; store it as numbers")
    return shape, fortran, dtype


def header_of(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype]:
    """(shape, dtype) of a member. Errors: of damaged ones any; DataError for pickled ones."""
    with archive.open(name) as member:
        shape, _, dtype = _header(member, name)
    return shape, dtype


def _data_start(path: str, info: zipfile.ZipInfo) -> int:
    """Offset of a member's bytes: after its local header of 30 bytes, name and extra field."""
    with open(path, "rb") as file:
        file.seek(info.header_offset + 26)
        name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
    return info.header_offset + 30 + name + extra
