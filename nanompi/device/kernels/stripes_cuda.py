"""stripes.py on a GPU: how the kernels of stripes.cu are launched. A launch does all columns.
gpu : the device"""

from nanompi.device.kernels import layout as _layout
from nanompi.device.kernels.stripes import ABREAST as _ABREAST
from nanompi.device.kernels.stripes import IN_BLOCK as _IN_BLOCK

_BESIDE = 512  # columns that are ranked at once where they do not fit into shared memory


def rank_columns(gpu, p, ranked, order, lane, lanes):
    k, A, K = p.shape
    full = 1 << (A - 1).bit_length()
    own = full <= _IN_BLOCK
    blocks = min(k * K, _layout.MOST if own else _BESIDE)
    room = (1, 1) if own else (blocks, full)
    more, more_at = gpu.xp.empty(room, ranked.dtype), gpu.xp.empty(room, order.dtype)
    _launch(gpu, "rank_columns", blocks, (p, ranked, order, more, more_at), (k, A, K, full))


def smooth_ranks(gpu, ranked, size, out, lane, lanes):
    k, K, A = ranked.shape
    _launch(gpu, "smooth_ranks", -(-k * A // _ABREAST), (ranked, out), (k, K, A, size), _ABREAST)


def unrank_columns(gpu, ranked, order, p, lane, lanes):
    blocks = min(-(-ranked.size // _layout.THREADS), _layout.MOST)
    _launch(gpu, "unrank_columns", blocks, (ranked, order, p), ranked.shape)


def column_roughness(gpu, p, size, out, lane, lanes):
    k, A, K = p.shape
    _launch(gpu, "column_roughness", -(-k * K // _layout.THREADS), (p, out), (k, A, K, size))


def _launch(gpu, name, blocks, arrays, sizes, threads=_layout.THREADS):
    """A kernel of so many blocks; nothing where there are no sinograms"""
    if blocks:
        gpu.launches.over("stripes", name, (blocks, 1, 1), (threads, 1, 1), sizes)(arrays)
