"""joseph.py on a GPU: how the kernels of joseph.cu are launched. A launch does all rows: it has one lane.
gpu : the device"""

import numpy as _np

from nanompi.device.kernels import layout as _layout
from nanompi.device.kernels.joseph import EIGHT as _EIGHT


def project_rays(gpu, f, turn, axis, out, lane, lanes):
    n, (A, K, k) = f.shape[0], out.shape
    grid = -(-K // _layout.THREADS), min(A, _layout.MOST), k // _EIGHT
    _launch(gpu, "project_rays", grid, (_layout.THREADS, 1, 1), (f, turn, out), axis, (A, n, K, k))


def backproject_rays(gpu, q, turn, axis, out, lane, lanes):
    n, (A, K, k) = out.shape[0], q.shape
    wide, tall = _layout.TILE_W, _layout.TILE_H
    grid = -(-n // wide), -(-n // tall), k // _EIGHT
    _launch(gpu, "backproject_rays", grid, (wide, tall, 1), (q, turn, out), axis, (A, K, n, k))


def _launch(gpu, name, grid, block, arrays, axis, sizes):
    """A kernel over its grid; nothing where there are no slices or no angles"""
    if min(grid):
        gpu.launches.over("joseph", name, grid, block, sizes)(arrays, _np.float64(axis))
