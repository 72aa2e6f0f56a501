"""Memory of the host that copies to and from a card reach while the card computes: pinned by CUDA."""

import gc
from collections.abc import Callable
from weakref import finalize

import numpy as np

from nanompi import units
from nanompi.errors import ResourceError

LACKING, ALREADY = 2, 712  # cudaErrorMemoryAllocation, cudaErrorHostMemoryAlreadyRegistered


class PinnedMemory:
    """Pins arrays as they are: CuPy's own pool takes the next power of two for each array, and keeps it.

    xp   : cupy; wait : ends all copies, after which memory may be unpinned
    size : bytes that are pinned now
    """

    def __init__(self, xp, wait: Callable[[], None]):
        self.xp, self.wait, self.size = xp, wait, 0

    def empty(self, shape, dtype) -> np.ndarray:
        """A new array. Errors: ResourceError."""
        try:
            return self.register(np.empty(shape, dtype))
        except MemoryError:
            raise self._lacking(int(np.prod(shape)) * np.dtype(dtype).itemsize) from None

    def register(self, a: np.ndarray) -> np.ndarray:
        """The same array, pinned until nobody holds it (views of it do not count).

        Errors: ResourceError where the host has no such memory, CuPy's CUDARuntimeError where its kind cannot
        be pinned.
        """
        if a.nbytes:
            at = a.ctypes.data
            self._pin(at, a.nbytes)
            self.size += a.nbytes
            finalize(a, self._unpin, at, a.nbytes)
        return a

    def give_back(self):
        """Blocks that CuPy keeps of its own copies from memory that is not pinned"""
        self.xp.get_default_pinned_memory_pool().free_all_blocks()

    def _pin(self, at: int, nbytes: int):
        runtime, freed = self.xp.cuda.runtime, False
        while True:
            try:
                return runtime.hostRegister(at, nbytes, 0)
            except runtime.CUDARuntimeError as error:
                lacking = error.status == LACKING
                if not freed and (lacking or error.status == ALREADY):
                    gc.collect()  # objects that only know each other may hold it
                    self.give_back()
                    freed = True
                elif lacking:
                    raise self._lacking(nbytes) from None
                else:
                    raise

    def _unpin(self, at: int, nbytes: int):
        self.wait()
        self.xp.cuda.runtime.hostUnregister(at)
        self.size -= nbytes

    def _lacking(self, nbytes: int) -> ResourceError:
        held = f", beside {units.show(self.size, 'B')} that it holds" if self.size else ""
        return ResourceError(
            "the host has too little memory that can be pinned: this rank asks for "
            f"{units.show(nbytes, 'B')} for what exceeds its card{held}. Use a card with more memory, more "
            "cards, fewer ranks on this node, fewer probe modes, a smaller part of the scan, or device: cpu"
        )
