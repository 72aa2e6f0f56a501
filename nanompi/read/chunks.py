"""Chunks of an HDF5 dataset taken out raw and decompressed here, so that threads work side by side.

HDF5 reads under one lock; a raw chunk is taken quickly, and zlib and Blosc2 decompress without any lock.
Uncompressed chunks and other filters are read by HDF5 itself, which is as fast.
"""

import zlib

import numpy as np

from nanompi.files import filters

GZIP, SHUFFLE, BLOSC2 = 1, 2, 32026


def decoder(data):
    """A function raw bytes -> array with the chunk's shape, or None where HDF5 itself has to read `data`.

    Known are chunks of whole frames with gzip, shuffle + gzip, or Blosc2.
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
    if plan == [BLOSC2]:
        return blosc2_decoder(shape, dtype)
    return None


def unshuffle(raw: bytes, dtype: np.dtype) -> np.ndarray:
    """Undo HDF5's shuffle filter: all first bytes, then all second bytes, ... -> the elements."""
    planes = np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, -1)
    out = np.empty((planes.shape[1], dtype.itemsize), np.uint8)
    for k, plane in enumerate(planes):
        out[:, k] = plane
    return out.view(dtype).ravel()


def blosc2_decoder(shape: tuple[int, ...], dtype: np.dtype):
    """For chunks of the Blosc2 filter: each is a frame that holds one chunk, cut into n-dimensional blocks.

    Where the blocks follow each other in memory the bytes are the elements; else Blosc2 has to put them in
    order.
    """
    import blosc2

    blosc2.set_nthreads(1)

    def decode(raw: bytes) -> np.ndarray:
        frame = blosc2.schunk_from_cframe(raw)
        if "b2nd" not in frame.meta or in_order(shape, blocks_of(frame.meta["b2nd"])):
            return np.frombuffer(frame.decompress_chunk(0), dtype).reshape(shape)
        whole = np.ascontiguousarray(blosc2.ndarray_from_cframe(raw)[...])
        return whole.view(np.uint8).reshape(-1).view(dtype).reshape(shape)

    return decode


def blocks_of(meta) -> tuple[int, ...]:
    """Shape of the blocks from Blosc2's n-dimensional metadata.

    Version, dimensions, shape, chunk shape, block shape.
    """
    return tuple(int(v) for v in meta[4])


def in_order(shape: tuple[int, ...], blocks: tuple[int, ...]) -> bool:
    """Is a C-ordered array of `shape` the same as its blocks one after another?

    It is when they cut one dimension evenly, are 1 in the dimensions before it and whole in those behind it.
    """
    cut = next((k for k, b in enumerate(blocks) if b != 1), len(blocks))
    return len(shape) == len(blocks) and (
        cut == len(shape) or (shape[cut] % blocks[cut] == 0 and shape[cut + 1 :] == blocks[cut + 1 :])
    )


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
