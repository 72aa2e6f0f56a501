"""overlap.py on a GPU: how the kernels of overlap.cu are launched. gpu : the device"""

from nanompi.device.kernels import layout as _layout

_THREADS = (_layout.TILE_W, _layout.TILE_H, 1)


def exit_waves(gpu, O, P, at, psi):
    _over_frames(gpu, "exit_waves", psi.shape, O, P, at, psi, width=O.shape[1])


def mix(gpu, O, P, at, psi, a, b, z):
    _over_frames(gpu, "mix", z.shape, O, P, at, psi, z, gpu.real(a), gpu.real(b), width=O.shape[1])


def follow(gpu, O, P, at, psi, z, c, d, e):
    real = gpu.real
    _over_frames(gpu, "follow", z.shape, O, P, at, psi, z, real(c), real(d), real(e), width=O.shape[1])


def tangent(gpu, O, P, dO, dP, at, z):
    _over_frames(gpu, "tangent", z.shape, O, P, dO, dP, at, z, width=O.shape[1])


def object_sums(gpu, psi, P, at, num, lane, lanes):
    n, M, h, w = psi.shape
    if gpu.atomics and n:
        grid, block = _layout.over_frames(n, h, w)
        sizes = (n, M, h, w, num.shape[1], lane, lanes)
        return gpu.launch("overlap", "object_sums_atomic", grid, block, psi, P, at, num, *sizes)
    for f, k in _segments(n):
        sizes = (k, M, h, w, num.shape[1], lane, lanes)
        gpu.launch("overlap", "object_sums", _tiles(num), _THREADS, psi[f], P, at[f], num, *sizes)


def object_weights(gpu, P2, at, den, lane, lanes):
    _, h, w = P2.shape
    for f, k in _segments(len(at)):
        sizes = (k, h, w, den.shape[1], lane, lanes)
        gpu.launch("overlap", "object_weights", _tiles(den), _THREADS, P2, at[f], den, *sizes)


def probe_sums(gpu, psi, O, at, num, den, lane, lanes):
    (n, M, h, w), S = psi.shape, len(num)
    first, last = h * lane // lanes, h * (lane + 1) // lanes
    if n and last > first:
        grid = (-(-w // _layout.TILE_W), -(-(last - first) // _layout.ROWS), S * M)
        sizes = (n, M, h, w, O.shape[1], first, last)
        gpu.launch("overlap", "probe_sums", grid, _THREADS, psi, O, at, num, den, *sizes)


def _over_frames(gpu, name, shape, *args, width):
    """A kernel with a thread for a few pixels of a frame; shape : that of the waves; width : of the object"""
    n, M, h, w = shape
    if n:
        gpu.launch("overlap", name, *_layout.over_frames(n, h, w), *args, n, M, h, w, width)


def _segments(n):
    """Slices of frames for the launches over tiles, and their lengths"""
    step = _layout.SEGMENT
    return [(slice(i, min(i + step, n)), min(step, n - i)) for i in range(0, n, step)]


def _tiles(target):
    """The grid over the tiles of an object (H, W)"""
    H, W = target.shape
    return min(-(-H // _layout.TILE_H) * -(-W // _layout.TILE_W), _layout.TILES), 1, 1
