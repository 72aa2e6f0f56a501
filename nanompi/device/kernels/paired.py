"""Real numbers two by two as complex ones, so that a Fourier transform of half the length does them all; on
both sides of a reconstruction from spectra. Slices stand side by side, last: each is computed as if alone.
The texts beside this one want `joseph.LANES` of them in complex arrays, or a multiple.

Rays, p of M = 2 L real numbers: z_j = p_2j + i p_2j+1, Z its transform. With n = L - m, E = (Z_m + Z_n*) / 2,
D = (Z_m - Z_n*) / 2 and w = -i exp(-2 pi i m / M) their spectrum is

    P_m = E + w D,   P_n = (E - w D)*,   P_0 = Re Z_0 + Im Z_0

Planes, f of G = 2 H real numbers with the spectrum X: z_j = f_2j + i f_2j+1 is the inverse transform of

    Z_m = S + i e D,   Z_n = (S - i e D)*,   S = X_m + X_n*,   D = X_m - X_n*,   e = exp(2 pi i m / G)

with n = H - m.

lane, lanes : this call does every `lanes`-th row, or pair of rows, beginning with number `lane`
"""

import numpy as _np

PI = _np.pi


def pair_rays(sinograms, order, edge, z, lane, lanes):
    """z_aj = p_2j + i p_2j+1, p projection order_a; beyond the columns 0, or where `edge` is true what stands
    in the nearest of them, in a circle.

    sinograms : (k, A, K) real; order : (A,) int32
    z : (A, L, K') complex, 2 L >= K, K' >= k: slices from k on become 0
    """
    (k, _, K), n = sinograms.shape, 2 * z.shape[1]
    for a in range(lane, len(z), lanes):
        row = _np.zeros((n, z.shape[2]), sinograms.dtype)
        row[:K, :k] = sinograms[:, order[a]].T
        if edge:
            middle = K + (n - K) // 2
            row[K:middle], row[middle:] = row[K - 1], row[0]
        z[a] = row[::2] + 1j * row[1::2]


def ray_spectra(z, factors, phases, lane, lanes):
    """z <- P_m factors_m phases_am, of z the transforms of pairs. The factors of frequency 0 are real.

    z : (A, L, k) complex; factors : (L, k) complex; phases : (A, L) complex
    """
    L = z.shape[1]
    m, n = _np.arange(1, L), L - _np.arange(1, L)
    w = (-1j * _np.exp(-1j * _np.pi * m / L)).astype(z.dtype)[:, None]
    for a in range(lane, len(z), lanes):
        first, others = z[a, 0].real + z[a, 0].imag, z[a, n].conj()
        z[a, 1:] = (z[a, m] + others) / 2 + w * (z[a, m] - others) / 2
        z[a, 0] = first
        z[a] *= factors * phases[a, :, None]


def filter_rays(z, factors, lane, lanes):
    """The transforms of pairs of p -> those of q, Q_m = P_m factors_m, as planes have them.

    z : (A, L, k) complex; factors : (L, k) complex, of frequency 0 the real part; its imaginary part is the
    factor of frequency L
    """
    L = z.shape[1]
    m, n = _np.arange(1, L), L - _np.arange(1, L)
    w = (-1j * _np.exp(-1j * _np.pi * m / L)).astype(z.dtype)[:, None]
    for a in range(lane, len(z), lanes):
        one, two = z[a, 0].real, z[a, 0].imag
        first, last = (one + two) * factors[0].real, (one - two) * factors[0].imag
        other = z[a, n].conj()
        p = ((z[a, m] + other) / 2 + w * (z[a, m] - other) / 2) * factors[1:]
        opposite = p[::-1].conj()
        z[a, 1:] = p + opposite - w.conj() * (opposite - p)
        z[a, 0] = first + last + 1j * (first - last)


def part_rays(z, lane, lanes):
    """(p_2j + i p_2j+1) -> p_2j, then p_2j+1, each of all slices in a row, in place; z : (A, L, k) complex"""
    for a in range(lane, len(z), lanes):
        both = _np.stack([z[a].real, z[a].imag], 1)
        z[a].view(both.dtype)[...] = both.reshape(len(both), -1)


def pair_plane(grid, plane, lane, lanes):
    """plane <- Z_m of half a plane of frequencies (`gridding`), after the transform over its columns.

    grid  : (H + W - 1, 2 H + W - 1, k) complex, used up, frequency 0 in row and column W/2 - 1: the W/2 - 1
        rows before it, and those after row H, are taken with the opposite frequencies; so is each row with
        itself where they are the same
    plane : (H, n, k) complex, columns 0, 1, ... n - 1 those at x - n // 2, modulo 2 H
    """
    (H, n, _), edge = plane.shape, (len(grid) - len(plane) - 1) // 2
    column = edge + (_np.arange(n) - n // 2) % (2 * H)
    for m in range(lane, H // 2 + 1, lanes):
        one, two = grid[edge + m, column], grid[edge + H - m, column]
        if m <= edge:
            one = one + grid[edge - m, column].conj()
            two = two + grid[edge + H + m, column].conj()
        if m == 0:
            plane[0] = (one + two).real + 1j * (one - two).real
            continue
        e = plane.dtype.type(1j * _np.exp(1j * _np.pi * m / H))
        total, rest = one + two.conj(), e * (one - two.conj())
        plane[m], plane[H - m] = total + rest, (total - rest).conj()


def part_plane(plane, taper, reach, out, lane, lanes):
    """out(y, x) = taper_0y taper_1x f(Y, x), Y = y - n // 2 modulo the length of f.

    plane : (H, n, K) complex, pairs of rows of f; out : (k, n, n) real, k <= K, n <= 2 H
    taper : (2, n) real; reach : (k,) float64 px, pixels farther from the middle become 0
    """
    (k, n, _), G = out.shape, 2 * len(plane)
    middle = (n - 1) / 2
    for y in range(lane, n, lanes):
        pair = plane[(y - n // 2) % G // 2]
        row = (pair.imag if (y - n // 2) % 2 else pair.real)[:, :k].T
        far = (_np.arange(n) - middle) ** 2 + (y - middle) ** 2 > reach[:, None] ** 2
        out[:, y] = _np.where(far, 0, row * (taper[0, y] * taper[1]))
