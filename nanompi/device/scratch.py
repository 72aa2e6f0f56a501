"""Work arrays that are kept from call to call."""

import threading

import numpy as np


class Scratch:
    """`scratch(shape, dtype, slot)`: a work array of the calling thread, kept for the next call with the same
    slot and dtype; its contents are undefined."""

    def __init__(self, xp):
        self.xp, self._own = xp, threading.local()

    def __call__(self, shape, dtype, slot: int | str = 0):
        kept = self._own.__dict__.setdefault("arrays", {})
        dtype, size = np.dtype(dtype), int(np.prod(shape))
        key = slot, dtype
        if key not in kept or kept[key].size < size:
            kept.pop(key, None)  # the old one goes before the new one comes
            kept[key] = self.xp.empty(size, dtype)
        return kept[key][:size].reshape(shape)

    def clear(self):
        """Forget the arrays of the calling thread."""
        self._own.__dict__.clear()
