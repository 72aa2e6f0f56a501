"""likelihood.py on a GPU: how the kernels of likelihood.cu are launched. gpu : the device

Sums are returned as `gpu.places` says, or as (blocks, how many) float64 for `gpu.total`.
The scratch arrays `work` of the contract are not needed here.
"""

from numpy import int32 as _int32


def photons(gpu, F, I, mask, gain, given, back, light):
    if len(F):
        launch = gpu.launches.over_frames("likelihood", "photons_PIXELS", F.shape, counts=I.dtype)
        shares = launch.shares(gpu.xp)
        launch((F, I, mask, gain, given, shares), gpu.real(back))
        light[...] = shares.sum(1)


def gradient(gpu, F, I, mask, gain, noise, back, work, z):
    arrays = F, I, mask, gain, z
    return _sums(gpu, "gradient_MODES_PIXELS", 1, F.shape, I.dtype, arrays, gpu.real(back), noise)


def line(gpu, F, D, I, mask, gain, noise, back):
    return _sums(gpu, "line_PIXELS", 2, F.shape, I.dtype, (F, D, I, mask, gain), gpu.real(back), noise)


def figures(gpu, F, I, mask, gain, expected, back, work):
    arrays = F, I, mask, gain, expected
    return _sums(gpu, "figures_PIXELS", 8, F.shape, I.dtype, arrays, gpu.real(back), len(expected) - 1)


def _sums(gpu, name, many, shape, counts, arrays, back, number):
    """Launch a kernel (arrays..., sums of each block, back, number, sizes) over frames; returns the sums"""
    if not shape[0]:
        return gpu.xp.zeros((0, many))
    launch = gpu.launches.over_frames("likelihood", name, shape, counts=counts)
    places, sums = gpu.places(many, launch.blocks)
    launch((*arrays, places), back, _int32(number))
    return sums
