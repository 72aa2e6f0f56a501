"""update.py on a GPU: how the kernels of update.cu are launched. gpu : the device

Inner products are returned as `gpu.places` says, or as (blocks, 2) float64 for `gpu.total`.
"""

from nanompi.device.kernels import layout as _layout
from nanompi.device.kernels.update import PER_THREAD as _PER_THREAD


def divide(gpu, O, num, den, eps):
    _over(gpu, "divide", O.size)((O, num, den, gpu.array(eps, gpu.real)))


def blend(gpu, y, x, a, b):
    _over(gpu, "blend", y.size)((y, x), gpu.real(a), gpu.real(b))


def descend(gpu, g, w):
    _over(gpu, "descend", g.size, w.size)((g, w))


def inner(gpu, a, w, b, c):
    launch = _over(gpu, "inner", a.size, w.size)
    places, sums = gpu.places(2, launch.blocks)
    launch((a, w, b, c, places))
    return sums


def _over(gpu, name, n, *sizes):
    """The launch of a kernel over n elements"""
    blocks = min(-(-n // (_layout.THREADS * _PER_THREAD)), _layout.TILES)
    return gpu.launches.over("update", name, (blocks, 1, 1), (_layout.THREADS, 1, 1), (n, *sizes))
