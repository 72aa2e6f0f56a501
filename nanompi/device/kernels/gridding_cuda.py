"""gridding.py on a GPU: how the kernels of gridding.cu are launched. A launch does all rows: it has one lane.
gpu : the device"""

import numpy as _np

from nanompi.device.kernels import layout as _layout
from nanompi.device.kernels.gridding import EIGHT as _EIGHT


def spread(gpu, samples, turn, step, window, grid, lane, lanes):
    (A, R, k), (H, G, _), tall = samples.shape, grid.shape, _layout.TILE_H
    blocks = -(-G // _layout.TILE_W), -(-H // tall), k // _EIGHT
    sizes = *window.shape, A, R, k, H, G
    _launch(gpu, "spread", blocks, (_layout.TILE_W, tall, 1), (samples, turn, window, grid), step, sizes)


def collect(gpu, grid, turn, step, window, samples, lane, lanes):
    A, R, k = samples.shape
    blocks = -(-R // _layout.THREADS), min(A, _layout.MOST), k // _EIGHT
    sizes = *window.shape, A, R, k, grid.shape[1]
    _launch(gpu, "collect", blocks, (_layout.THREADS, 1, 1), (grid, turn, window, samples), step, sizes)


def _launch(gpu, name, blocks, block, arrays, step, sizes):
    """A kernel over its grid; nothing where there are no slices or no rays"""
    if min(blocks):
        gpu.launches.over("gridding", name, blocks, block, sizes)(arrays, _np.float64(step))
