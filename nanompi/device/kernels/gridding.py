"""Gridding: samples on rays through the frequency plane, spread over the points of a grid around each, and
collected from them.

    spread    T(y, x) += sum_a sum_m w(y - y_am) w(x - x_am) s_am
    collect   s_am = sum_y sum_x w(y - y_am) w(x - x_am) T(y, x)          (its adjoint)

Sample m of ray a lies at y_am = m step sin_a, x_am = m step cos_a. The samples are those of real images,
which have conjugated values at opposite frequencies: a ray below the middle (sin_a < 0) is taken with the
opposite direction and conjugated, and half a plane is enough. w is a window as wide as W points, given by W
polynomials of the fraction f = x - floor(x), one for each of the points that it reaches:

    w(floor(x) + j - (W/2 - 1) - x) = sum_d window_dj f^d

Slices stand side by side, last: place and weight of a point are the same for all of them. To be followed and
preceded by Fourier transforms: O'Sullivan, doi:10.1109/TMI.1985.4307723.

samples : (A, R, k) complex, R samples of each ray, beginning at frequency 0
turn    : (A, 2) float64, cos and sin of each ray
step    : points between two samples of a ray
window  : (D + 1, W) float64, W even
grid    : (H, G, k) complex, with frequency 0 at row W/2 - 1 and column G // 2; H >= (R - 1) step + W, and
    G >= 2 (R - 1) step + W + 1, so that every window lies inside
lane, lanes : this call does one of so many shares: of the rows of the grid in `spread`, of the rays in
    `collect`. The bits do not depend on them, nor on the other slices
"""

import numpy as _np

EIGHT = 8  # slices that a thread of a card has
MOST_WINDOW = 16 * 8  # numbers of a window that a card takes


def spread(samples, turn, step, window, grid, lane, lanes):
    """grid += what the samples give it, in the rows of this share"""
    H, W = len(grid), window.shape[1]
    first, last = H * lane // lanes, H * (lane + 1) // lanes
    for a in range(len(samples)):
        row, column, wy, wx, sign = _places(samples.shape[1], turn[a], step, window, grid)
        s = samples[a] if sign > 0 else samples[a].conj()
        for j in range(W):
            own = (row + j >= first) & (row + j < last)
            for i in range(W):
                weight = (wy[j] * wx[i]).astype(samples.real.dtype)[own, None]
                _np.add.at(grid, (row[own] + j, column[own] + i), weight * s[own])


def collect(grid, turn, step, window, samples, lane, lanes):
    """samples = what the grid gives them, of the rays of this share"""
    W = window.shape[1]
    for a in range(lane, len(samples), lanes):
        row, column, wy, wx, sign = _places(samples.shape[1], turn[a], step, window, grid)
        total = _np.zeros_like(samples[a])
        for j in range(W):
            for i in range(W):
                weight = (wy[j] * wx[i]).astype(samples.real.dtype)[:, None]
                total += weight * grid[row + j, column + i]
        samples[a] = total if sign > 0 else total.conj()


def _places(R, turn, step, window, grid):
    """Of the samples of a ray: the first row and column that each reaches, (W, R) weights of its rows and
    columns, and -1 where it is conjugated"""
    W, (cos, sin) = window.shape[1], turn
    sign = -1 if sin < 0 else 1
    y, x = (_np.arange(R) * (step * sign * t) for t in (sin, cos))
    row, column = (_np.floor(t).astype(int) for t in (y, x))
    wy, wx = (_np.polynomial.polynomial.polyval(t - _np.floor(t), window) for t in (y, x))
    return row, column + grid.shape[1] // 2 - (W // 2 - 1), wy, wx, sign
