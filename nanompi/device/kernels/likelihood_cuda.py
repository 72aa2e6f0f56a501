"""likelihood.py on a GPU: how the kernels of likelihood.cu are launched. gpu : the device

Sums are returned as `gpu.places` says, or as (blocks, how many) float64 for `gpu.total`.
The scratch arrays `work` of the contract are not needed here.
"""

from numpy import int32 as _int32


def gradient(gpu, F, I, mask, gain, noise, work, z):
    return _sums(gpu, "gradient_MODES_PIXELS", 1, F.shape, I.dtype, (F, I, mask, gain, z), noise)


def line(gpu, F, D, I, mask, gain, noise):
    return _sums(gpu, "line_PIXELS", 2, F.shape, I.dtype, (F, D, I, mask, gain), noise)


def figures(gpu, F, I, mask, gain, expected, work):
    arrays = F, I, mask, gain, expected
    return _sums(gpu, "figures_PIXELS", 8, F.shape, I.dtype, arrays, len(expected) - 1)


def _sums(gpu, name, many, shape, counts, arrays, number):
    """Launch a kernel (arrays..., sums of each block, number, sizes) over frames; returns the sums"""
    if not shape[0]:
        return gpu.xp.zeros((0, many))
    launch = gpu.launches.over_frames("likelihood", name, shape, counts=counts)
    places, sums = gpu.places(many, launch.blocks)
    launch((*arrays, places), _int32(number))
    return sums
