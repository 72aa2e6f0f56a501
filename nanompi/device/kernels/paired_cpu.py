"""paired.py for one thread of a CPU: slices are the lanes of vectors (lane_words.py)."""

import math as _math

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.kernels.joseph import LANES as _LANES
from nanompi.device.lane_words import filter_pair as _filter_pair
from nanompi.device.lane_words import pair_rows as _pair_rows
from nanompi.device.lane_words import part_pairs as _part_pairs
from nanompi.device.lane_words import part_spectra as _part_spectra
from nanompi.mpi.messages import reals as _reals

_compiled = _compiler(nogil=True, error_model="numpy")
_TILE = 64  # neighbours of a row that are turned at a time: slices may lie powers of 2 apart


@_compiled
def pair_rays(sinograms, order, edge, z, lane, lanes):
    k, _, K = sinograms.shape
    A, L, _ = z.shape
    middle = K + (2 * L - K) // 2
    for a in range(lane, A, lanes):
        for j in range(0, L, _TILE):
            last = min(j + _TILE, L)
            z[a, j:last, k:] = 0
            for v in range(k):
                p = sinograms[v, order[a]]
                whole = min(last, K // 2)
                for i in range(j, whole):
                    z[a, i, v] = complex(p[2 * i], p[2 * i + 1])
                for i in range(max(j, whole), last):
                    re, im = _beyond(p, K, 2 * i, edge, middle), _beyond(p, K, 2 * i + 1, edge, middle)
                    z[a, i, v] = complex(re, im)


@_compiled
def _beyond(p, K, t, edge, middle):
    if t < K:
        return p[t]
    return (p[K - 1] if t < middle else p[0]) if edge else p.dtype.type(0)


def ray_spectra(z, factors, phases, lane, lanes):
    _ray_spectra(_reals(z), *z.shape, _reals(factors), phases, lane, lanes)


@_compiled
def _ray_spectra(z, A, L, k, factors, phases, lane, lanes):
    n = 2 * k
    for a in range(lane, A, lanes):
        o = a * L * n
        first = phases[a, 0].real
        for v in range(0, n, 2):
            z[o + v] = (z[o + v] + z[o + v + 1]) * (factors[v] * first)
            z[o + v + 1] = 0
        for m in range(1, L // 2 + 1):
            turn = _math.pi * m / L  # w = -i exp(-i turn)
            p, q = phases[a, m], phases[a, L - m]
            at, to = m * n, (L - m) * n
            _part_spectra(
                z, o + at, o + to, n, -_math.sin(turn), -_math.cos(turn), factors, at, to, p.real, p.imag,
                q.real, q.imag,
            )  # fmt: skip


def filter_rays(z, factors, lane, lanes):
    _filter_rays(_reals(z), *z.shape, _reals(factors), lane, lanes)


@_compiled
def _filter_rays(z, A, L, k, factors, lane, lanes):
    n = 2 * k
    for a in range(lane, A, lanes):
        o = a * L * n
        for v in range(0, n, 2):
            one, two = z[o + v], z[o + v + 1]
            first, last = (one + two) * factors[v], (one - two) * factors[v + 1]
            z[o + v], z[o + v + 1] = first + last, first - last
        for m in range(1, L // 2 + 1):
            turn, at, to = _math.pi * m / L, m * n, (L - m) * n  # w = -i exp(-i turn)
            _filter_pair(z, o + at, o + to, n, -_math.sin(turn), -_math.cos(turn), factors, at, to)


def part_rays(z, lane, lanes):
    _part_rays(_reals(z), *z.shape, lane, lanes)


@_compiled
def _part_rays(z, A, L, k, lane, lanes):
    for a in range(lane, A, lanes):
        for o in range(2 * a * L * k, 2 * (a + 1) * L * k, 2 * _LANES):
            _part_pairs(z, o)


def pair_plane(grid, plane, lane, lanes):
    _pair_plane(_reals(grid), grid.shape[1], _reals(plane), *plane.shape, lane, lanes)


@_compiled
def _pair_plane(grid, width, plane, H, n, k, lane, lanes):
    edge, stride, row = (width - 2 * H - 1) // 2, 2 * width * k, 2 * n * k
    left, right = n // 2 * 2 * k, edge * 2 * k  # columns before the middle stand at the end of the grid
    end = right + 4 * H * k - left
    for m in range(lane, H // 2 + 1, lanes):
        one, two = (edge + m) * stride, (edge + H - m) * stride
        if m <= edge:
            _add_opposite(grid, one, (edge - m) * stride, stride)
            _add_opposite(grid, two, (edge + H + m) * stride, stride)
        at, to = m * row, (H - m) * row
        if m == 0:
            _pair_first(grid, one + end, two + end, left, plane, at)
            _pair_first(grid, one + right, two + right, row - left, plane, left)
            continue
        c, d = -_math.sin(_math.pi * m / H), _math.cos(_math.pi * m / H)  # i e
        _pair_rows(grid, one + end, two + end, left, c, d, plane, at, to)
        _pair_rows(grid, one + right, two + right, row - left, c, d, plane, at + left, to + left)


@_compiled
def _add_opposite(a, o, p, n):
    for v in range(0, n, 2):
        re, im = a[p + v], a[p + v + 1]
        a[o + v] += re
        a[o + v + 1] -= im


@_compiled
def _pair_first(a, o, p, n, out, q):
    for v in range(0, n, 2):
        out[q + v], out[q + v + 1] = a[o + v] + a[p + v], a[o + v] - a[p + v]


@_compiled
def part_plane(plane, taper, reach, out, lane, lanes):
    k, n, _ = out.shape
    G, middle = 2 * len(plane), (n - 1) / 2
    for y in range(lane, n, lanes):
        Y = (y - n // 2) % G
        rows, odd = plane[Y // 2], Y % 2
        for start in range(0, n, _TILE):
            last = min(start + _TILE, n)
            for v in range(k):
                rest = reach[v] * reach[v] - (y - middle) * (y - middle)
                for x in range(start, last):
                    pair = rows[x, v]
                    value = (pair.imag if odd else pair.real) * (taper[0, y] * taper[1, x])
                    inside = (x - middle) * (x - middle) <= rest
                    out[v, y, x] = value if inside else out.dtype.type(0)
