"""Chunks of an HDF5 dataset taken out raw and decompressed here, so that threads work side by side.

HDF5 reads under one lock; a raw chunk is taken quickly, and zlib decompresses without any lock.
Uncompressed chunks and
other filters (bitshuffle, Blosc2) are read by HDF5 itself, which is as fast or faster.
"""

import zlib

import numpy as np

from nanompi.files import filters

GZIP, SHUFFLE = 1, 2


def decoder(data):
    """A function raw bytes -> array with the chunk's shape, or None where HDF5 itself has to read `data`.

    Known are chunks of whole frames with gzip or shuffle + gzip.
    """
    if data.chunks is None or data.is_virtual or data.ndim < 3:
        return None
    if data.chunks[-2:] != data.shape[-2:] or any(c != 1 for c in data.chunks[1:-2]):
        return None
    shape, dtype = data.chunks, data.dtype
    size = int(np.prod(shape)) * dtype.itemsize
    plan = filters(data)
    if plan == [GZIP]:
        return lambda raw: np.frombuffer(zlib.decompress(raw, bufsize=size), dtype).reshape(shape)
    if plan == [SHUFFLE, GZIP]:
        return lambda raw: unshuffle(zlib.decompress(raw, bufsize=size), dtype).reshape(shape)
    return None


def unshuffle(raw: bytes, dtype: np.dtype) -> np.ndarray:
    """Undo HDF5's shuffle filter: all first bytes, then all second bytes, ... -> the elements."""
    planes = np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, -1)
    out = np.empty((planes.shape[1], dtype.itemsize), np.uint8)
    for k, plane in enumerate(planes):
        out[:, k] = plane
    return out.view(dtype).ravel()


def place(data, index: int) -> tuple[int, ...]:
    """Offset of the chunk which begins with frame `index`, counted over all leading dimensions."""
    return (*(int(i) for i in np.unravel_index(index, data.shape[:-2])), 0, 0)


def raw_chunk(data, index: int) -> bytes | None:
    """The stored bytes of the chunk which begins with frame `index`; None when HDF5 has to read it.

    That is a chunk which was never written (it holds the fill value), or for which a filter was left out.
    """
    where = place(data, index)
    info = data.id.get_chunk_info_by_coord(where)
    if info.byte_offset is None or info.filter_mask:
        return None
    return data.id.read_direct_chunk(where)[1]
