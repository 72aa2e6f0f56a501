"""toeplitz.py on a GPU: how the kernel of toeplitz.cu is launched. gpu : the device"""

from nanompi.device.kernels import layout as _layout


def convolve(gpu, Z, own, mirror):
    k, h, m = Z.shape
    if k:
        grid, block = _layout.over_images(k, h // 2 + 1, m)
        gpu.launches.over("toeplitz", "convolve", grid, block, (k, h, m))((Z, own, mirror))
