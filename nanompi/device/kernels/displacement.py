"""How the likelihood of each frame changes when the frame moves: slopes and expected curvature.

With a = gain sum_m |F_m|^2 + background and D_y, D_x the derivatives of F by a move of the frame along rows
and columns (pixels), u = 2 gain sum_m Re(F_m* D_y,m), v the same of D_x, and L1, J as in likelihood.py:

    slope = (sum L1 u, sum L1 v),   curvature = (sum J u u, sum J u v, sum J v v)

The Gauss-Newton step of two unknowns a frame (Thibault & Guizar-Sicairos, doi:10.1088/1367-2630/14/6/063004,
for the likelihood). The slopes alone need no transform where the gradient is at hand at the sample: with z_m
its wave, slope_y = 2 sum Re((P_m dO/dy)* z_m) over the frame.
"""

import numpy as _np

from nanompi.device.kernels.likelihood import (  # noqa: F401  the constants are for the texts
    EPS,
    GAUSSIAN,
    POISSON,
    _intensity,
    _known,
    _terms,
)

TAPS = 3  # pixels at each side of which the derivative of an object knows
_WEIGHTS = 45 / 60, -9 / 60, 1 / 60


def derivatives(O, Oy, Ox):
    """Oy, Ox = dO along rows and columns per pixel: differences of sixth order, 0 within TAPS of the edge"""
    for axis, out in enumerate((Oy, Ox)):
        n = O.shape[axis]
        part = lambda k: (slice(None),) * axis + (slice(TAPS + k, n - TAPS + k),)  # noqa: B023, E731
        out[...] = 0
        for k, weight in enumerate(_WEIGHTS, start=1):
            out[part(0)] += O.real.dtype.type(weight) * (O[part(k)] - O[part(-k)])


def position_sums(F, Dy, Dx, I, mask, gain, background, noise, out):
    """out : (n, 5) float64, of each frame slope along rows, along columns, curvature yy, yx, xx.

    Dy, Dx : (n, M, h, w) complex, as F; background : real, counts of a pixel that are not of the wave
    """
    a = _intensity(F, gain, F.real.dtype.type(background))
    k, i = _known(I, mask, a.dtype)
    L1, J = _terms(a, i, noise)
    u, v = (2 * gain[:, None, None] * (F.conj() * D).real.sum(1) for D in (Dy, Dx))
    for n, term in enumerate((L1 * u, L1 * v, J * u * u, J * u * v, J * v * v)):
        out[:, n] = (k * term).sum((1, 2), dtype=_np.float64)


def position_slopes(z, P, Oy, Ox, at, out):
    """out : (n, 2) float64, of each frame slope along rows, along columns.

    z : (n, M, h, w) complex, the gradient at the sample; Oy, Ox : as O, its derivatives
    """
    h, w = P.shape[-2:]
    for j, (y, x, s) in enumerate(at):
        for axis, dO in enumerate((Oy, Ox)):
            D = P[s] * dO[y : y + h, x : x + w]
            out[j, axis] = 2 * (D.conj() * z[j]).real.sum(dtype=_np.float64)
