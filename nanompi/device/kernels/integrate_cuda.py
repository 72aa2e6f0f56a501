"""integrate.py on a GPU: how the kernels of integrate.cu are launched. Counts of other types than uint16 and
float32 become float32. gpu : the device"""

from numpy import float64 as _float64

from nanompi.device.kernels import layout as _layout


def integrate_frames(gpu, frames, norm, dark, top, by_pixel, by_bin, sums):
    _launch(gpu, "integrate_frames", frames, (norm, dark, *by_bin, sums), top, sums.shape[1])


def ring_middles(gpu, frames, norm, top, rings, middle, spread):
    _launch(gpu, "ring_middles", frames, (norm, *rings, middle, spread), top, middle.shape[1])


def _launch(gpu, name, frames, arrays, top, bins):
    """A block for each bin and frame; nothing without frames"""
    if frames.dtype not in ("uint16", "float32"):
        frames = frames.astype("float32")
    k, P = frames.shape
    if k:
        grid, block = (bins, min(k, _layout.MOST), 1), (_layout.THREADS, 1, 1)
        launch = gpu.launches.over("integrate", name, grid, block, (k, P, bins), frames.dtype)
        launch((frames, *arrays), _float64(top))
