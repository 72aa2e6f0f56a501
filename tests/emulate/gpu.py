"""What the launch code sees of a device, on the CPU: kernels emulated, arrays of NumPy."""

from functools import cache
from types import SimpleNamespace

import numpy as np

from nanompi.device.kernels import load, source
from nanompi.device.kernels.launch import Launches
from tests.emulate.build import module

COUNTS = {"uint16": "unsigned short", "float32": "float"}


@cache
def built(theme: str, real: str, count: str, asan: bool = False):
    """The compiled kernels of a theme; once in a process"""
    return module(source(theme), {"REAL": real, "COUNT": count}, asan)


class Gpu:
    """real : the dtype of the precision; atomics : sums in no fixed order; order : of blocks and threads, as
    for `Module.run`; asan : under AddressSanitizer. Remembers the names of what it launched."""

    xp, block = np, 32

    def __init__(self, real, atomics: bool = False, order: int = 0, asan: bool = False):
        self.real, self.atomics, self.order, self.asan = real, atomics, order, asan
        self.launched, self.launches = [], Launches(self._kernel)

    def frames_per_block(self, frame_bytes):
        """Of engines' blocks"""
        return self.block

    def _kernel(self, theme, name, counts):
        """A kernel whose launches are checked, done and noted"""
        real = "float" if self.real == np.float32 else "double"
        kernels = built(theme, real, COUNTS[str(counts)], self.asan)

        def launch(grid, block, args):
            self.launched.append(name)
            kernels.run(name, grid, block, args, self.order)

        return launch

    def array(self, a, dtype):
        """An array of the device"""
        return np.ascontiguousarray(a, dtype)

    def places(self, many, blocks):
        """Zeros for the sums of a launch, which are what it returns"""
        zeros = np.zeros((blocks, many))
        return zeros, zeros


def kernels(gpu) -> SimpleNamespace:
    """The named kernels bound to a device, as engines see them; sums added up to float64 arrays (k,)"""

    def bound(f):
        def call(*args):
            got = f(gpu, *args)
            return got if got is None else got.sum(0)

        return call

    return SimpleNamespace(**{k: bound(f) for k, f in vars(load("_cuda")).items()})
