"""likelihood.py on a GPU: how the kernels of likelihood.cu are launched. gpu : the device

Sums are returned as (how many, blocks) float64 of the device: `gpu.total` adds them up when they are needed.
The scratch arrays `work` of the contract are not needed here.
"""

from nanompi.device.kernels import layout as _layout


def gradient(gpu, F, I, mask, gain, noise, work, z):
    return _sums(gpu, "gradient", 1, F.shape, (F, I, mask, gain, z), int(noise))


def line(gpu, F, D, I, mask, gain, noise):
    return _sums(gpu, "line", 2, F.shape, (F, D, I, mask, gain), int(noise))


def figures(gpu, F, I, mask, gain, expected, work):
    return _sums(gpu, "figures", 8, F.shape, (F, I, mask, gain, expected), len(expected) - 1)


def _sums(gpu, name, many, shape, arrays, number):
    """Launch a kernel (arrays..., sums of each block, number, sizes) over frames; returns the sums"""
    n, M, h, w = shape
    grid, block = _layout.over_frames(n, h, w)
    sums = gpu.xp.empty((many, _layout.blocks(grid)), gpu.xp.float64)
    if n:
        gpu.launch("likelihood", name, grid, block, *arrays, sums, number, n, M, h, w)
    return sums
