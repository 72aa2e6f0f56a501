"""Raw chunks of an HDF5 dataset, decompressed outside HDF5, so that threads work side by side.

HDF5 reads and decompresses under one lock. A raw chunk is taken quickly; zlib and the plug-ins then run
without any lock, on the rank that wants the frames: raw chunks are also what `scatter` sends.
"""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanompi.errors import DataError
from nanompi.io import direct
from nanompi.io.filters import plugin, undo

GZIP, SHUFFLE, BITSHUFFLE = 1, 2, 32008
BARE = 0xFFFFFFFF  # filter mask of a chunk to which no filter was applied


@dataclass(frozen=True)
class Recipe:
    """How to turn the bytes of a chunk into frames; small enough to be sent with them.

    filters : (number, its values) in the order in which they were applied
    shape   : (frames of a chunk, rows, columns); dtype: as stored
    """

    filters: tuple[tuple[int, tuple[int, ...]], ...]
    shape: tuple[int, int, int]
    dtype: np.dtype

    def decode(self, raw, skip: int = 0) -> np.ndarray:
        """The frames of a chunk, in native byte order. Bit k of `skip`: filter k was left out.

        Errors: ValueError, zlib.error for bytes that cannot be right.
        """
        return self._frames(self._undone(self.filters, raw, skip))

    def into(self, out: np.ndarray, raw, skip: int = 0) -> None:
        """The same straight into `out`: (frames of a chunk, rows, columns), C-contiguous, native."""
        if not skip and self.filters and self.dtype.isnative:
            *before, (number, values) = self.filters[::-1]
            raw = self._undone(before[::-1], raw)
            if number in _INTO and _INTO[number](values, raw, out.reshape(-1).view(np.uint8)):
                return
            raw = _undo(number, values, raw, out.nbytes)
            out[...] = self._frames(raw)
        else:
            out[...] = self.decode(raw, skip)

    def _undone(self, filters, raw, skip: int = 0):
        for k, (number, values) in reversed(list(enumerate(filters))):
            if not skip >> k & 1:
                raw = _undo(number, values, raw, self.nbytes)
        return raw

    def _frames(self, raw) -> np.ndarray:
        flat = np.frombuffer(raw, np.uint8)
        if flat.nbytes != self.nbytes:
            raise ValueError(f"a chunk has {flat.nbytes} bytes in place of {self.nbytes}")
        return flat.view(self.dtype).reshape(self.shape).astype(self.dtype.newbyteorder("="), copy=False)

    @property
    def nbytes(self) -> int:
        """Of the frames of a chunk."""
        return self.shape[0] * self.shape[1] * self.shape[2] * self.dtype.itemsize


def recipe(data) -> Recipe | None:
    """How to decode the chunks of `data`; None where HDF5 itself has to read them.

    Known are chunks of whole frames with gzip, shuffle, bitshuffle, Blosc2, LZ4, Zstandard.
    Chunks that are not compressed are read by HDF5 as fast.
    """
    if data.chunks is None or data.is_virtual or data.ndim < 3 or data.dtype.kind not in "iuf":
        return None
    lead, frame = data.chunks[:-2], data.chunks[-2:]
    if frame != data.shape[-2:] or any(c != 1 for c in (lead if data.ndim > 3 else lead[1:])):
        return None
    plan = data.id.get_create_plist()
    filters = tuple((f[0], tuple(f[2])) for f in map(plan.get_filter, range(plan.get_nfilters())))
    if not filters or any(number not in _UNDO and plugin(number) is None for number, _ in filters):
        return None
    return Recipe(filters, (lead[0], *frame), data.dtype)


def _inflate(number, values, raw, size):
    out = np.empty(size, np.uint8)
    if direct.inflate(raw, out):
        return out
    return zlib.decompress(raw, bufsize=size)  # of the right size at once: no pause of the thread to grow it


def unshuffle(number, values, raw, size=0) -> np.ndarray:
    """Undo HDF5's shuffle filter: all first bytes, then all second bytes, ... -> the elements, as uint8."""
    flat = np.frombuffer(raw, np.uint8)
    out, planes = np.empty(flat.nbytes, np.uint8), flat.reshape(values[0], -1)
    if direct.unshuffle(values[0], flat, out):
        return out
    if len(planes) not in (2, 4, 8):
        return np.ascontiguousarray(planes.T).reshape(-1)
    out = planes[-1].astype(f"<u{len(planes)}")
    for plane in planes[-2::-1]:  # whole registers at once: five times faster than single bytes
        out <<= 8
        out |= plane
    return out.view(np.uint8)


def _unshuffle_into(values, raw, out) -> bool:
    return direct.unshuffle(values[0], np.frombuffer(raw, np.uint8), out)


def _undo(number: int, values: tuple[int, ...], raw, size: int):
    """Undo one filter; `size` bytes are to come out. Errors: ValueError, zlib.error."""
    if number == BITSHUFFLE:
        direct.check_bits(values, raw, size)
    return _UNDO.get(number, undo)(number, values, raw, size)


_UNDO = {GZIP: _inflate, SHUFFLE: unshuffle}
_INTO = {  # filter -> work(values, raw, out), False where it cannot
    GZIP: lambda values, raw, out: direct.inflate(raw, out),
    SHUFFLE: _unshuffle_into,
    BITSHUFFLE: direct.bits,
}


@dataclass
class Stored:
    """A chunk as it stands in the file, and what is wanted of it.

    where : file and dataset; first: its first frame; skip: filters left out, by bits; raw: its bytes
    pick  : which of its frames are wanted, rising
    """

    recipe: Recipe
    where: str
    first: int
    skip: int
    raw: Any
    pick: np.ndarray

    def __len__(self):
        return len(self.pick)

    def frames(self) -> np.ndarray:
        """(len(pick), rows, columns). Errors: DataError naming file, dataset and frames."""
        held = self._tried(self.recipe.decode, self.raw, self.skip)
        first, last = int(self.pick[0]), int(self.pick[-1])
        return held[first : last + 1] if last - first + 1 == len(self.pick) else held[self.pick]

    def into(self, out: np.ndarray) -> None:
        """`frames` into `out`, C-contiguous. Errors: DataError."""
        if len(self.pick) == self.recipe.shape[0] and out.dtype == self.recipe.dtype:
            self._tried(self.recipe.into, out, self.raw, self.skip)
        else:
            out[...] = self.frames()

    def _tried(self, work, *given):
        try:
            return work(*given)
        except MemoryError:
            raise
        except Exception as error:
            raise broken(self.where, self.first, self.first + self.recipe.shape[0], error) from error


def take(data, lead, how: Recipe, where: str, first: int, pick: np.ndarray) -> Stored:
    """The chunk that begins with frame `first`, counted over the leading dimensions `lead` of a dataset.

    Errors: DataError.
    """
    place = (first, 0, 0) if len(lead) == 1 else (*map(int, np.unravel_index(first, lead)), 0, 0)
    try:
        skip, raw = data.id.read_direct_chunk(place)
    except Exception as error:
        if data.id.get_chunk_info_by_coord(place).byte_offset is not None:
            raise broken(where, first, first + how.shape[0], error) from None
        skip, raw = BARE, np.full(how.shape, data.fillvalue, how.dtype)  # never written
    return Stored(how, where, first, skip, raw, pick)


def broken(where: str, first: int, last: int, error: Exception) -> DataError:
    """What to say of frames that cannot be read."""
    return DataError(
        f"{where}: frames {first} to {last - 1} cannot be read ({error}); the file is damaged or was not "
        "written to its end: copy it again, or leave these frames out by `select:`"
    )
