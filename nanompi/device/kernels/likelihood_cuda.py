"""likelihood.py on a GPU: how the kernels of likelihood.cu are launched. gpu : the device

Sums are returned as (how many, blocks) float64 of the device: `gpu.total` adds them up when they are needed.
The scratch arrays `work` of the contract are not needed here.
"""

from numpy import float64 as _float64
from numpy import int32 as _int32


def gradient(gpu, F, I, mask, gain, noise, work, z):
    return _sums(gpu, "gradient", 1, F.shape, I.dtype, (F, I, mask, gain, z), noise)


def line(gpu, F, D, I, mask, gain, noise):
    return _sums(gpu, "line", 2, F.shape, I.dtype, (F, D, I, mask, gain), noise)


def figures(gpu, F, I, mask, gain, expected, work):
    arrays = F, I, mask, gain, expected
    return _sums(gpu, "figures", 8, F.shape, I.dtype, arrays, len(expected) - 1)


def _sums(gpu, name, many, shape, counts, arrays, number):
    """Launch a kernel (arrays..., sums of each block, number, sizes) over frames; returns the sums"""
    if not shape[0]:
        return gpu.xp.zeros((many, 0))
    launch = gpu.launches.over_frames("likelihood", name, shape, counts=counts)
    sums = gpu.xp.empty((many, launch.blocks), _float64)
    launch((*arrays, sums), _int32(number))
    return sums
