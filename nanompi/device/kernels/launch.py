"""Launches of CUDA kernels, put together once: the host has few microseconds for each of them.

All blocks of frames but the last have one shape. Kernel, grid and sizes are looked up by it, and only arrays
and numbers are handed over anew.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from nanompi.device.kernels import layout

UINT16 = np.dtype(np.uint16)


class Launch:
    """`launch(arrays, *numbers)`: a kernel over its grid; its last arguments are these sizes.

    blocks : of the grid
    arrays : C-contiguous, of the device; numbers : NumPy scalars of the types that the kernel wants
    Errors: ValueError for an array that is not contiguous, which a kernel would misread.
    """

    __slots__ = ("block", "blocks", "grid", "kernel", "name", "sizes")

    def __init__(self, name: str, kernel: Callable, grid, block, sizes: tuple[int, ...]):
        self.name, self.kernel, self.grid, self.block = name, kernel, grid, block
        self.blocks = layout.blocks(grid)
        self.sizes = tuple(map(np.int32, sizes))

    def __call__(self, arrays: tuple, *numbers):
        for a in arrays:
            if not a.flags.c_contiguous:
                raise ValueError(f"{self.name}: an array of shape {a.shape} is not contiguous")
        self.kernel(self.grid, self.block, arrays + numbers + self.sizes)


class Launches:
    """The launches of a device by kernel, grid and sizes.

    kernel : (theme, name, dtype of the counts) -> the compiled kernel, called with grid, block and arguments
    """

    def __init__(self, kernel: Callable[[str, str, Any], Callable]):
        self._kernel, self._known = kernel, {}

    def over(self, theme: str, name: str, grid, block, sizes) -> Launch:
        """A kernel over a grid of its own."""
        key = name, grid, sizes
        return self._known.get(key) or self._bind(key, theme, UINT16, grid, block, sizes)

    def over_frames(self, theme: str, name: str, shape, sizes=(), counts=UINT16) -> Launch:
        """A kernel with a thread for a few pixels of each of n frames, n > 0.

        shape : (n, M, h, w) of the waves, the first of the kernel's sizes; sizes : those that follow
        counts : dtype of the counts that it takes
        """
        key = name, shape, sizes, counts
        if known := self._known.get(key):
            return known
        n, _, h, w = shape
        return self._bind(key, theme, counts, *layout.over_frames(n, h, w), shape + sizes)

    def _bind(self, key, theme, counts, grid, block, sizes) -> Launch:
        kernel = self._kernel(theme, key[0], counts)
        self._known[key] = Launch(key[0], kernel, grid, block, sizes)
        return self._known[key]
