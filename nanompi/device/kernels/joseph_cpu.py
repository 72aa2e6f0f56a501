"""joseph.py for one thread of a CPU, in tiles. Places and shares of a row of a tile come first, for eight
angles (or eight rows of pixels), in a loop that the compiler makes vector code of; then vectors of `LANES`
slices, of which eight pairs are added up between load and store."""

import math as _math

import numpy as _np

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.kernels.joseph import LANES as _LANES
from nanompi.device.tap_words import GROUP as _GROUP
from nanompi.device.tap_words import add_taps as _add_taps

_TILE = 32  # pixels or columns of a tile: what they touch stays in the first cache
_FAR = 1 << 30  # px; no place is as far
_compiled = _compiler(nogil=True, fastmath={"contract", "nsz", "arcp"}, error_model="numpy")


@_compiled
def _shares(line, count, limit, narrow, offset, stride, table, at):
    """`joseph._shares` of `count` places into a table, from `at` on: offsets, and shares of both neighbours.

    line : (first place, step between places, factor of all shares); narrow : 1 / width
    offset, stride : of number 0, and from one number to the next
    """
    i, near, far = table
    whole = _math.floor(line[0])
    rest, step, factor = near.dtype.type(line[0] - whole), near.dtype.type(line[1]), near.dtype.type(line[2])
    thin, one, none = near.dtype.type(narrow), near.dtype.type(1), near.dtype.type(0)
    low, high = _np.int32(max(-whole, -_FAR)), _np.int32(max(min(limit - whole, _FAR), -_FAR))
    base, apart = offset + whole * stride, _np.int64(stride)
    for x in range(count):
        t = rest + near.dtype.type(_np.int32(x)) * step
        k = min(max(_np.int32(_math.floor(t)), low), high)
        d = t - near.dtype.type(k)
        i[at + x] = base + k * apart
        near[at + x] = max(none, one - abs(d) * thin) * factor
        far[at + x] = max(none, one - abs(d - one) * thin) * factor


@_compiled
def _table(like):
    """Offsets and shares for `_GROUP` times `_TILE` places; all point at the beginning, with shares of 0"""
    size = _GROUP * _TILE
    return _np.zeros(size, _np.int64), _np.zeros(size, like.dtype), _np.zeros(size, like.dtype)


@_compiled
def _add(count, k, out, o, a, apart, table):
    """What a table says, for k slices of `count` neighbours in `out`"""
    i, near, far = table
    for x in range(count):
        for z in range(0, k, _LANES):
            _add_taps(out, o + x * k + z, a, z, apart, i, near, far, x, _TILE)


@_compiled
def project_rays(f, turn, axis, out, lane, lanes):
    n, K, k = f.shape[0], out.shape[1], f.shape[2]
    F, P, h = f.reshape(-1), out.reshape(-1), (n - 1) / 2
    for a in range(lane, len(turn), lanes):
        out[a] = 0
        rows = abs(turn[a, 0]) >= abs(turn[a, 1])
        long, short = (turn[a, 0], turn[a, 1]) if rows else (turn[a, 1], turn[a, 0])
        across, along = (n * k, k) if rows else (k, n * k)
        for c in range(0, K, _TILE):
            count, table = min(_TILE, K - c), _table(f)
            for y in range(0, n, _GROUP):
                if n - y < _GROUP:
                    table = _table(f)
                for j in range(min(_GROUP, n - y)):
                    start = (c - axis) / long - (y + j - h) * short / long + h
                    line = start, 1 / long, 1 / abs(long)
                    _shares(line, count, n - 2, 1.0, (y + j) * across, along, table, j * _TILE)
                _add(count, k, P, (a * K + c) * k, F, along, table)


@_compiled
def backproject_rays(q, turn, axis, out, lane, lanes):
    n, k = out.shape[0], q.shape[2]
    Q, F = q.reshape(-1), out.reshape(-1)
    for top in range(0, n, _TILE):
        first, last = top + (lane - top) % lanes, min(top + _TILE, n)
        for y in range(first, last, lanes):
            out[y] = 0
        for x in range(0, n, _TILE):
            for a in range(0, len(turn), _GROUP):
                table = _table(q)
                for y in range(first, last, lanes):
                    _ray_shares(turn[a : a + _GROUP], x, y, n, axis, q.shape, a, table)
                    _add(min(_TILE, n - x), k, F, (y * n + x) * k, Q, k, table)


@_compiled
def _ray_shares(turn, x, y, n, axis, shape, a, table):
    """Of the pixels from x on in row y, in the rays of the angles of `turn`, the first of which is a"""
    _, K, k = shape
    h = (n - 1) / 2
    for j in range(len(turn)):
        cos, sin = turn[j, 0], turn[j, 1]
        m = max(abs(cos), abs(sin))
        line = (x - h) * cos + (y - h) * sin + axis, cos, 1 / m
        _shares(line, min(_TILE, n - x), K - 2, 1 / m, (a + j) * K * k, k, table, j * _TILE)
