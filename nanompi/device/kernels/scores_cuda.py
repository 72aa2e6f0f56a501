"""scores.py on a GPU: how the kernel of scores.cu is launched. gpu : the device

The scratch arrays `work` of the contract are not needed here.
"""

from numpy import int32 as _int32

from nanompi.device.kernels import layout as _layout
from nanompi.device.kernels.scores import FRAME_SUMS as _FRAME_SUMS


def scores(gpu, F, Dy, Dx, I, mask, gain, background, far, expected, rows, maps, work):
    n, M, h, w = F.shape
    if not n:
        return
    grid, block = _layout.over_images(1, h, w)
    launch = gpu.launches.over("scores", "scores", grid, block, (n, M, h, w), I.dtype)
    parts = gpu.xp.zeros((n, launch.blocks, _FRAME_SUMS))
    numbers = gpu.real(background), _int32(far), _int32(len(expected) - 1)
    launch((F, Dy, Dx, I, mask, gain, expected, maps, parts), *numbers)
    rows[...] = parts.sum(1)
