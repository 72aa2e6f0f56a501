"""CuPy's pool of pinned memory of the host, counted (`runtime.pinned`).

It takes powers of two, and keeps what is freed for the next who asks for the same size.
"""

import ctypes
import mmap
import weakref
from collections import Counter
from functools import cache

from cupy.cuda import clocks, runtime

UNIT = 512


class PinnedMemoryPool:
    """CuPy's pool of pinned memory, in numbers. free : {size: free blocks of that size}"""

    def __init__(self):
        self.free = Counter()

    def _take(self, size: int) -> int:
        """Bytes of a block for so many. Errors: CUDARuntimeError."""
        size = 1 << (max(size, UNIT) - 1).bit_length() if size else 0
        if self.free[size]:
            self.free[size] -= 1
            return size
        try:
            runtime.pinned.take(size)
        except runtime.CUDARuntimeError:
            self.free_all_blocks()
            runtime.pinned.take(size)
        return size

    def _give(self, size: int):
        if size:
            self.free[size] += 1

    def free_all_blocks(self):
        runtime.pinned.give(sum(size * blocks for size, blocks in self.free.items()))
        self.free.clear()

    def n_free_blocks(self) -> int:
        return self.free.total()


class PinnedMemoryPointer:
    """Pinned memory of the host, with the buffer protocol (from ctypes)."""

    def size(self) -> int:
        return ctypes.sizeof(self)


@cache
def _pinned_type(nbytes: int) -> type:
    return type("PinnedMemory", (PinnedMemoryPointer, ctypes.c_ubyte * nbytes), {})


def alloc_pinned_memory(size: int) -> PinnedMemoryPointer:
    """Whole pages. They live as long as a queued copy needs them, but to free them before is a fault."""
    runtime.cards()
    taken = pinned_pool._take(size)
    pages = mmap.mmap(-1, max(size, 1))
    self = _pinned_type(size).from_buffer(pages)
    self.ptr = ctypes.addressof(self)
    self.buffer = clocks.Buffer(self.ptr, size, lambda: pages)
    clocks.buffers[self.ptr] = self.buffer
    weakref.finalize(self.buffer, _freed, taken, self.buffer.history, str(self.buffer)).atexit = False
    return self


def _freed(taken: int, history: list, what: str):
    pinned_pool._give(taken)
    clocks.freed(history, what)


def stage(size: int):
    """What CuPy does for a copy from memory that is not pinned: through a block of the pool, if one can be
    had, which stays there."""
    try:
        pinned_pool._give(pinned_pool._take(size))
    except runtime.CUDARuntimeError:
        return  # CuPy copies without, and warns


pinned_pool = PinnedMemoryPool()
