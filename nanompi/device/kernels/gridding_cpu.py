"""gridding.py for one thread of a CPU. Slices are the lanes of vectors (lane_words.py). Rays are done in
segments, so that what they reach stays in the second cache while neighbouring rays pass by; places and
weights of a segment are found first, in loops that the compiler makes vector code of."""

import numpy as _np

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.lane_words import get_row as _get_row
from nanompi.device.lane_words import put_row as _put_row
from nanompi.device.lanes import BYTES as _BYTES
from nanompi.mpi.messages import reals as _reals

_compiled = _compiler(nogil=True, error_model="numpy")
_SEGMENT = 128  # samples of a ray that are done before the next ray


def spread(samples, turn, step, window, grid, lane, lanes):
    n = 2 * samples.shape[2]
    if n % (_BYTES // samples.real.itemsize):
        whole, (H, _, k) = _whole(grid), grid.shape
        spread(_whole(samples), turn, step, window, whole, lane, lanes)
        own = slice(H * lane // lanes, H * (lane + 1) // lanes)  # of others other threads may write
        grid[own] = whole[own, :, :k]
        return
    shapes = *samples.shape[:2], n, *grid.shape[:2]
    _spread(_reals(samples), turn, step, window, _reals(grid), *shapes, lane, lanes)


def collect(grid, turn, step, window, samples, lane, lanes):
    n = 2 * samples.shape[2]
    if n % (_BYTES // samples.real.itemsize):
        whole = _whole(samples)
        collect(_whole(grid), turn, step, window, whole, lane, lanes)
        samples[lane::lanes] = whole[lane::lanes, :, : samples.shape[2]]
        return
    shapes = *samples.shape[:2], n, grid.shape[1]
    _collect(_reals(grid), turn, step, window, _reals(samples), *shapes, lane, lanes)


def _whole(a):
    """A copy with as many slices as fill the vectors"""
    out = _np.zeros((*a.shape[:2], a.shape[2] + -a.shape[2] % (_BYTES // a.itemsize)), a.dtype)
    out[..., : a.shape[2]] = a
    return out


@_compiled
def _spread(samples, turn, step, window, grid, A, R, n, H, G, lane, lanes):
    W = window.shape[1]
    first, last = H * lane // lanes, H * (lane + 1) // lanes
    row, column, wy, wx = _room(samples, W)
    for start in range(0, R, _SEGMENT):
        for a in range(A):
            sign = -1.0 if turn[a, 1] < 0 else 1.0
            dy, dx = sign * turn[a, 1] * step, sign * turn[a, 0] * step
            end = min(start + _SEGMENT, R)
            if end * dy + W < first or start * dy - W > last:
                continue
            _places(start, end, dy, 0, window, row, wy)
            _places(start, end, dx, G // 2 - (W // 2 - 1), window, column, wx)
            for m in range(end - start):
                i = ((a * R) + start + m) * n
                for j in range(max(0, first - row[m]), min(W, last - row[m])):
                    o = ((row[m] + j) * G + column[m]) * n
                    _put_row(W, samples, i, n, wy[j * _SEGMENT + m], sign, wx, m, _SEGMENT, grid, o)


@_compiled
def _collect(grid, turn, step, window, samples, A, R, n, G, lane, lanes):
    W = window.shape[1]
    row, column, wy, wx = _room(samples, W)
    for start in range(0, R, _SEGMENT):
        for a in range(lane, A, lanes):
            sign = -1.0 if turn[a, 1] < 0 else 1.0
            dy, dx = sign * turn[a, 1] * step, sign * turn[a, 0] * step
            end = min(start + _SEGMENT, R)
            _places(start, end, dy, 0, window, row, wy)
            _places(start, end, dx, G // 2 - (W // 2 - 1), window, column, wx)
            for m in range(end - start):
                i = ((a * R) + start + m) * n
                samples[i : i + n] = 0
                for j in range(W):
                    o = ((row[m] + j) * G + column[m]) * n
                    _get_row(W, grid, o, n, wy[j * _SEGMENT + m], sign, wx, m, _SEGMENT, samples, i)


@_compiled
def _room(like, W):
    """For rows, columns and their weights, of a segment"""
    rows, columns = _np.empty(_SEGMENT, _np.int64), _np.empty(_SEGMENT, _np.int64)
    return rows, columns, _np.empty(W * _SEGMENT, like.dtype), _np.empty(W * _SEGMENT, like.dtype)


@_compiled
def _places(start, end, step, middle, window, place, weight):
    """Of samples start ... end - 1 along one axis: the first point that each reaches, and its W weights"""
    D, W = window.shape
    part = _np.empty(_SEGMENT, weight.dtype)
    for m in range(end - start):
        t = (start + m) * step
        place[m] = int(_np.floor(t))
        part[m] = t - place[m]
        place[m] += middle
    for j in range(W):
        w = weight[j * _SEGMENT : (j + 1) * _SEGMENT]
        w[:] = window[D - 1, j]
        for d in range(D - 2, -1, -1):
            c = weight.dtype.type(window[d, j])
            for m in range(end - start):
                w[m] = w[m] * part[m] + c
