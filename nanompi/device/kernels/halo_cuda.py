"""halo.py on a GPU: how the kernels of halo.cu are launched. gpu : the device"""

from nanompi.device.kernels import layout as _layout


def gather_halo(gpu, a, where, out):
    _over(gpu, "gather_halo", len(where), (a, where, out))


def add_halo(gpu, a, pixels, first, source, take):
    _over(gpu, "add_halo", len(pixels), (a, pixels, first, source, take))


def _over(gpu, name, n, arrays):
    """A kernel with a thread for each of n places"""
    if n:
        grid, block = (-(-n // _layout.THREADS), 1, 1), (_layout.THREADS, 1, 1)
        gpu.launches.over("halo", name, grid, block, (n,))(arrays)
