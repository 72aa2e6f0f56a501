"""backproject.py on a GPU: how the kernel of backproject.cu is launched. A launch does all rows: it has one
lane. gpu : the device"""

import numpy as _np

from nanompi.device.kernels import layout as _layout
from nanompi.device.kernels.backproject import EIGHT as _EIGHT


def backproject(gpu, q, turn, centre, reach, out, lane, lanes):
    (A, T, wide), (k, n, _) = q.shape, out.shape
    blocks = -(-n // _layout.TILE_W), -(-n // _layout.TILE_H), -(-k // _EIGHT)
    if min(blocks):
        block, sizes = (_layout.TILE_W, _layout.TILE_H, 1), (A, T, wide, k, n)
        launch = gpu.launches.over("backproject", "backproject", blocks, block, sizes)
        launch((q, turn, reach, out), _np.float64(centre))
