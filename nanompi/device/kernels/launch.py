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

    def shares(self, xp):
        """(n, blocks of a frame, 2) float64, undefined: two figures of each frame in a kernel over frames."""
        return xp.empty((int(self.sizes[0]), self.grid[0] * self.grid[1], 2))


class Launches:
    """The launches of a device by kernel, grid and sizes.

    kernel : (theme, name, dtype of the counts) -> the compiled kernel, called with grid, block and arguments
    """

    def __init__(self, kernel: Callable[[str, str, Any], Callable]):
        self._kernel, self._known = kernel, {}

    def over(self, theme: str, name: str, grid, block, sizes, counts=UINT16) -> Launch:
        """A kernel over a grid of its own; counts : dtype of the counts that it takes."""
        key = name, grid, sizes, counts
        if known := self._known.get(key):
            return known
        kernel = self._kernel(theme, name, counts)
        return self._known.setdefault(key, Launch(name, kernel, grid, block, sizes))

    def over_frames(self, theme: str, name: str, shape, sizes=(), counts=UINT16) -> Launch:
        """A kernel with a thread for a few pixels of each of n frames, n > 0.

        name  : as in the .cu text, where MODES and PIXELS stand for numbers (`layout.variant`)
        shape : (n, M, h, w) of the waves, the first of the kernel's sizes; sizes : those that follow
        counts : dtype of the counts that it takes
        """
        key = name, shape, sizes, counts
        if known := self._known.get(key):
            return known
        n, M, h, w = shape
        own = layout.variant(name, M, layout.pixels(w))
        launch = Launch(own, self._kernel(theme, own, counts), *layout.over_frames(n, h, w), shape + sizes)
        return self._known.setdefault(key, launch)
