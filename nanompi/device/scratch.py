"""Work arrays that are kept from call to call."""

import math
import threading

import numpy as np

LINE = 64  # bytes of a line of a CPU's cache


class Scratch:
    """`scratch(shape, dtype, slot)`: a work array of the calling thread, kept for the next call with the same
    slot and dtype; its contents are undefined."""

    def __init__(self, xp):
        self.xp, self._own = xp, threading.local()

    def __call__(self, shape: tuple[int, ...], dtype, slot: int | str = 0):
        views, key = self._own.__dict__.setdefault("views", {}), (slot, np.dtype(dtype))
        view = views.get(key)
        if view is None or view.shape != shape:
            views.pop(key, None)
            views[key] = view = self._whole(math.prod(shape), key)[: math.prod(shape)].reshape(shape)
        return view

    def _whole(self, size: int, key):
        """The array that views of this key are cut from, of at least so many elements"""
        arrays = self._own.__dict__.setdefault("arrays", {})
        if key not in arrays or arrays[key].size < size:
            arrays.pop(key, None)  # the old one goes before the new one comes
            arrays[key] = aligned(size, key[1]) if self.xp is np else self.xp.empty(size, key[1])
        return arrays[key]

    def clear(self):
        """Forget the arrays of the calling thread."""
        self._own.__dict__.clear()


def aligned(shape, dtype) -> np.ndarray:
    """An array of the host that begins where a line of the cache begins; its contents are undefined. Vectors
    that lie across two lines would be read at half the speed."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = np.empty(size + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + size].view(dtype).reshape(shape)
