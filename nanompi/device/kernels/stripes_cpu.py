"""stripes.py for one thread of a CPU. Columns are ranked by radix; windows of medians slide over SIDE_BY_SIDE
ranks at once, without a branch, so that the compiler makes vector code of it."""

import numpy as _np

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.kernels.stripes import SIDE_BY_SIDE as _SIDE_BY_SIDE

_compiled = _compiler(nogil=True, error_model="numpy")
_BITS = 11  # of a digit: its counts stay in the first cache
_DIGITS = 1 << _BITS


def rank_columns(p, ranked, order, lane, lanes):
    _rank(p, p.view(_np.uint32 if p.itemsize == 4 else _np.uint64), ranked, order, lane, lanes)


@_compiled
def _rank(p, bits, ranked, order, lane, lanes):
    """rank_columns, with the values as whole numbers, too"""
    k, A, K = p.shape
    passes = (8 * p.itemsize + _BITS - 1) // _BITS
    key, spare = _np.empty(A, bits.dtype), _np.empty(A, bits.dtype)
    at, other = _np.empty(A, _np.int32), _np.empty(A, _np.int32)
    counts = _np.empty((passes, _DIGITS), _np.int32)
    for j in range(k):
        for c in range(lane, K, lanes):
            for a in range(A):
                key[a] = _key(p[j, a, c], bits[j, a, c], 8 * p.itemsize - 1)
                at[a] = a
            _count(key, counts)
            for digit in range(passes):
                _sorted_by(key, at, digit, counts[digit], spare, other)
                key, spare, at, other = spare, key, other, at
            for a in range(A):
                order[j, c, a] = at[a]
                ranked[j, c, a] = p[j, at[a], c]


@_compiled
def _key(value, bits, sign):
    """A whole number that rises as the values do; -0 is 0"""
    one = type(bits)(1)
    bits = bits if value != 0 else bits & type(bits)(0)
    return ~bits if bits >> type(bits)(sign) else bits | one << type(bits)(sign)


@_compiled
def _count(key, counts):
    """Where the values of each digit begin, digit by digit"""
    counts[:] = 0
    for a in range(len(key)):
        rest = key[a]
        for digit in range(len(counts)):
            counts[digit, rest & key.dtype.type(_DIGITS - 1)] += 1
            rest >>= key.dtype.type(_BITS)
    for digit in range(len(counts)):
        first = 0
        for b in range(_DIGITS):
            n = counts[digit, b]
            counts[digit, b] = first
            first += n


@_compiled
def _sorted_by(key, at, digit, place, to, at_to):
    """Values in the order of one digit, those that are equal in it in the order in which they stand"""
    shift, mask = key.dtype.type(digit * _BITS), key.dtype.type(_DIGITS - 1)
    for a in range(len(key)):
        b = (key[a] >> shift) & mask
        i = place[b]
        place[b] = i + 1
        to[i] = key[a]
        at_to[i] = at[a]


@_compiled
def smooth_ranks(ranked, size, out, lane, lanes):
    k, K, A = ranked.shape
    half, V = size // 2, _SIDE_BY_SIDE
    window, before = _np.empty((size + 1, V), ranked.dtype), _np.empty(V, ranked.dtype)
    old, new = _np.empty(V, ranked.dtype), _np.empty(V, ranked.dtype)
    window[size] = _np.inf
    for j in range(k):
        for first in range(lane * V, A, lanes * V):
            n = min(V, A - first)  # the lanes beyond the last rank hold what stands there, and go on with it
            for i in range(size):
                window[i, :n] = ranked[j, _mirrored(i - half, K), first : first + n]
            _sort_lanes(window[:size], n)
            for c in range(K):
                for v in range(n):
                    out[j, c, first + v] = window[half, v]
                    old[v] = ranked[j, _mirrored(c - half, K), first + v]
                    new[v] = ranked[j, _mirrored(c + half + 1, K), first + v]
                _slide(window, old, new, before)


@_compiled
def _mirrored(i, n):
    """The place of column i, mirrored at both ends"""
    i %= 2 * n
    return i if i < n else 2 * n - 1 - i


@_compiled
def _sort_lanes(window, n):
    """By insertion, each lane"""
    for v in range(n):
        for i in range(1, len(window)):
            value, place = window[i, v], i
            while place > 0 and window[place - 1, v] > value:
                window[place, v] = window[place - 1, v]
                place -= 1
            window[place, v] = value


@_compiled
def _slide(window, old, new, before):
    """Each lane of a sorted window loses `old` and gains `new`. What is left without `old` is d; then the new
    value at i is max(d[i - 1], min(d[i], new)). The last row is infinite."""
    before[:] = -_np.inf
    for i in range(len(window) - 1):
        here, there = window[i], window[i + 1]
        for v in range(len(before)):
            d = here[v] if here[v] < old[v] else there[v]
            low = d if d < new[v] else new[v]
            here[v] = before[v] if before[v] > low else low
            before[v] = d


@_compiled
def unrank_columns(ranked, order, p, lane, lanes):
    k, K, A = ranked.shape
    for j in range(k):
        for c in range(lane, K, lanes):
            for a in range(A):
                p[j, order[j, c, a], c] = ranked[j, c, a]


@_compiled
def column_roughness(p, size, out, lane, lanes):
    k, A, K = p.shape
    column, half = _np.empty(A, _np.float64), size // 2
    for j in range(k):
        for c in range(lane, K, lanes):
            for a in range(A):
                column[a] = p[j, a, c]
            total = 0.0
            for a in range(A):
                mean = 0.0
                if half <= a < A - size + half + 1:
                    for i in range(a - half, a - half + size):
                        mean += column[i]
                else:
                    for i in range(a - half, a - half + size):
                        mean += column[_mirrored(i, A)]
                total += abs(column[a] - mean / size)
            out[j, c] = total
