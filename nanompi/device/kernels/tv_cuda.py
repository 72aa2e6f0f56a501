"""tv.py on a GPU: how the kernels of tv.cu are launched. gpu : the device"""

from nanompi.device.kernels import layout as _layout


def tv_dual(gpu, g, d, weight, new):
    _over(gpu, "tv_dual", g.shape, (g, d, weight, new))


def tv_primal(gpu, g, d, weight, u):
    _over(gpu, "tv_primal", g.shape, (g, d, weight, u))


def _over(gpu, name, shape, arrays):
    """A kernel with a thread for each pixel of k images"""
    if shape[0]:
        gpu.launches.over("tv", name, *_layout.over_images(*shape), shape)(arrays)
