"""backproject.py for one thread of a CPU, in tiles: those that a tile adds up stay in the second cache.
Places and shares of a row of a tile come first, for eight angles, in a loop that the compiler makes vector
code of; then vectors of slices, of which eight pairs are added up between load and store (tap_words.py)."""

import math as _math

import numpy as _np

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.fft_cpu import aligned_zeros as _aligned_zeros
from nanompi.device.kernels.backproject import BAND as _BAND
from nanompi.device.kernels.joseph import LANES as _LANES
from nanompi.device.lane_words import line_shares as _line_shares
from nanompi.device.tap_words import GROUP as _GROUP
from nanompi.device.tap_words import add_taps as _add_taps
from nanompi.mpi.messages import reals as _reals

_compiled = _compiler(nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")


def backproject(q, turn, centre, reach, out, lane, lanes):
    most = float(reach.max(initial=0.0))
    _backproject(_reals(q), q.shape[1] * _LANES, turn, centre, reach, most, out, lane, lanes)


@_compiled
def _backproject(q, apart, turn, centre, reach, most, out, lane, lanes):
    n = out.shape[1]
    tile = _aligned_zeros(_BAND * _BAND * _LANES, q)
    size = _GROUP * _BAND
    table = _np.zeros(size, _np.int64), _np.zeros(size, q.dtype), _np.zeros(size, q.dtype)
    first, count = _np.empty(_BAND, _np.int64), _np.empty(_BAND, _np.int64)
    for top in range(lane * _BAND, n, lanes * _BAND):
        for left in range(0, n, _BAND):
            _within(top, left, n, most, first, count)
            tile[:] = 0
            if count.max() > 0:
                _tile(q, apart, turn, centre, top, left, n, first, count, table, tile)
            _write(tile, top, left, reach, out)


@_compiled
def _within(top, left, n, most, first, count):
    """Of each row of a tile the first pixel that is within the largest reach, and how many"""
    middle = (n - 1) / 2
    for j in range(_BAND):
        rest = most * most - (top + j - middle) * (top + j - middle)
        half = _math.sqrt(rest) if rest >= 0 and top + j < n else -1.0
        first[j] = max(left, _math.ceil(middle - half))
        count[j] = min(left + _BAND, n, _math.floor(middle + half) + 1) - first[j]


@_compiled
def _tile(q, apart, turn, centre, top, left, n, first, count, table, tile):
    i, near, far = table
    middle = (n - 1) / 2
    for a in range(0, len(turn), _GROUP):
        some = min(_GROUP, len(turn) - a)
        near[some * _BAND :], far[some * _BAND :] = 0, 0
        for j in range(_BAND):
            if count[j] <= 0:
                continue
            y, x = top + j - middle, left - middle  # of the tile: the bits do not depend on `first`
            for g in range(some):
                cos, sin, weight = turn[a + g]
                start = x * cos + y * sin + centre
                whole = _math.floor(min(start, start + (_BAND - 1) * cos))  # of the leftmost
                base = (a + g) * apart + int(whole) * _LANES
                _line_shares(start - whole, cos, weight, base, _LANES, _BAND, i, near, far, g * _BAND)
            for x in range(first[j] - left, first[j] - left + count[j]):
                _add_taps(tile, (j * _BAND + x) * _LANES, q, 0, _LANES, i, near, far, x, _BAND)


@_compiled
def _write(tile, top, left, reach, out):
    k, n, _ = out.shape
    middle = (n - 1) / 2
    for v in range(k):
        for j in range(min(_BAND, n - top)):
            y = top + j - middle
            rest = reach[v] * reach[v] - y * y
            for x in range(left, min(left + _BAND, n)):
                inside = (x - middle) * (x - middle) <= rest
                value = tile[(j * _BAND + x - left) * _LANES + v]
                out[v, top + j, x] = value if inside else out.dtype.type(0)
