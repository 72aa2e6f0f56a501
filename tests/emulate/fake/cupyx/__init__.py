"""cupyx: pinned arrays of the host, and scipy.fft."""

import numpy as np
from cupy.cuda import pinned_memory as _memory


def empty_pinned(shape, dtype=float, order="C") -> np.ndarray:
    """A NumPy array in pinned memory, full of NaN."""
    out = zeros_pinned(shape, dtype, order)
    out.ravel("K").view(np.uint8)[...] = 0xFF
    return out


def zeros_pinned(shape, dtype=float, order="C") -> np.ndarray:
    shape, dtype = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape), np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64))
    flat = np.frombuffer(_memory.alloc_pinned_memory(size * dtype.itemsize), dtype, size)
    return flat.reshape(shape, order=order)


def empty_like_pinned(a, dtype=None, order="K", subok=None, shape=None) -> np.ndarray:
    return empty_pinned(a.shape if shape is None else shape, dtype or a.dtype)


def zeros_like_pinned(a, dtype=None, order="K", subok=None, shape=None) -> np.ndarray:
    return zeros_pinned(a.shape if shape is None else shape, dtype or a.dtype)
