"""ramps.py on a GPU: how the kernels of ramps.cu are launched. gpu : the device"""

from nanompi.device.kernels import layout as _layout


def ramps(gpu, z, y, x, out):
    if len(out):
        gpu.launches.over_frames("ramps", "ramps_PIXELS", out.shape)((z, y, x, out))


def ramps_adjoint(gpu, num, y, x, z):
    grid, block = (min(-(-z.size // _layout.THREADS), _layout.MOST), 1, 1), (_layout.THREADS, 1, 1)
    gpu.launches.over("ramps", "ramps_adjoint", grid, block, num.shape)((num, y, x, z))
