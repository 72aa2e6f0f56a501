"""displacement.py on a GPU: how the kernel of displacement.cu is launched. gpu : the device"""

from numpy import int32 as _int32

from nanompi.device.kernels import layout as _layout
from nanompi.device.kernels.displacement import _WEIGHTS


def derivatives(gpu, O, Oy, Ox):
    blocks = min(-(-O.size // _layout.THREADS), _layout.MOST)
    launch = gpu.launches.over(
        "displacement", "derivatives", (blocks, 1, 1), (_layout.THREADS, 1, 1), O.shape
    )
    launch((O, Oy, Ox), *(gpu.real(weight) for weight in _WEIGHTS))


def position_sums(gpu, F, Dy, Dx, I, mask, gain, background, noise, out):
    if not len(I):
        return
    grid, block = (min(len(I), _layout.MOST), 1, 1), (_layout.THREADS, 1, 1)
    launch = gpu.launches.over("displacement", "position_sums", grid, block, F.shape, I.dtype)
    launch((F, Dy, Dx, I, mask, gain, out), gpu.real(background), _int32(noise))


def position_slopes(gpu, z, P, Oy, Ox, at, out):
    if not len(z):
        return
    grid, block = (min(len(z), _layout.MOST), 1, 1), (_layout.THREADS, 1, 1)
    launch = gpu.launches.over("displacement", "position_slopes", grid, block, (*z.shape, Oy.shape[1]))
    launch((z, P, Oy, Ox, at, out))
