"""overlap.py on a GPU: how the kernels of overlap.cu are launched. gpu : the device"""

from nanompi.device.kernels import layout as _layout

_THREADS = (_layout.TILE_W, _layout.TILE_H, 1)


def exit_waves(gpu, O, P, at, psi):
    if len(psi):
        _over_frames(gpu, "exit_waves_PIXELS", psi, O)((O, P, at, psi))


def mix(gpu, O, P, at, psi, a, b, z):
    if len(z):
        _over_frames(gpu, "mix_PIXELS", z, O)((O, P, at, psi, z), gpu.real(a), gpu.real(b))


def follow(gpu, O, P, at, psi, z, c, d, e):
    if len(z):
        real = gpu.real
        _over_frames(gpu, "follow_PIXELS", z, O)((O, P, at, psi, z), real(c), real(d), real(e))


def tangent(gpu, O, P, dO, dP, at, z):
    if len(z):
        _over_frames(gpu, "tangent_PIXELS", z, O)((O, P, dO, dP, at, z))


def object_sums(gpu, psi, P, at, num, lane, lanes):
    (n, M, h, w), width = psi.shape, num.shape[1]
    if gpu.atomics and n:
        launch = gpu.launches.over_frames(
            "overlap", "object_sums_atomic_PIXELS", psi.shape, (width, lane, lanes)
        )
        return launch((psi, P, at, num))
    for waves, places in _segments(psi, at):
        sizes = len(places), M, h, w, width, lane, lanes
        _over_tiles(gpu, "object_sums", num, sizes)((waves, P, places, num))


def powers(gpu, P, out):
    blocks = min(-(-out.size // _layout.THREADS), _layout.MOST)
    launch = gpu.launches.over("overlap", "powers", (blocks, 1, 1), (_layout.THREADS, 1, 1), P.shape)
    launch((P, out))


def object_weights(gpu, P2, at, den, lane, lanes):
    _, h, w = P2.shape
    for (places,) in _segments(at):
        sizes = len(places), h, w, den.shape[1], lane, lanes
        _over_tiles(gpu, "object_weights", den, sizes)((P2, places, den))


def probe_sums(gpu, psi, O, at, num, den, lane, lanes):
    (n, M, h, w), S = psi.shape, len(num)
    first, last = h * lane // lanes, h * (lane + 1) // lanes
    if n and last > first:
        strips = -(-w // _layout.TILE_W) * -(-(last - first) // _layout.STRIP)
        lots = S if S < _layout.TILE_H else -(-S // _layout.TILE_H)
        sizes = n, S, M, h, w, O.shape[1], first, last, gpu.frames_per_block(psi.nbytes // n)
        launch = gpu.launches.over("overlap", "probe_sums", (strips * M * lots, 1, 1), _THREADS, sizes)
        each = den if len(den) == S else gpu.xp.zeros((S, h, w), den.dtype)
        launch((psi, O, at, num, each))
        if each is not den:
            den += each.sum(0)


def _over_frames(gpu, name, waves, O):
    """The launch of a kernel with a thread for a few pixels of a frame"""
    return gpu.launches.over_frames("overlap", name, waves.shape, O.shape[1:])


def _over_tiles(gpu, name, target, sizes):
    """The launch of a kernel that goes over the tiles of an object (H, W)"""
    H, W = target.shape
    tiles = -(-H // _layout.TILE_H) * -(-W // _layout.TILE_W)
    return gpu.launches.over("overlap", name, (min(tiles, _layout.TILES), 1, 1), _THREADS, sizes)


def _segments(*arrays):
    """Arrays over the frames in pieces for the launches over tiles"""
    n, step = len(arrays[0]), _layout.SEGMENT
    if 0 < n <= step:
        return [arrays]
    return [[a[i : i + step] for a in arrays] for i in range(0, n, step)]
