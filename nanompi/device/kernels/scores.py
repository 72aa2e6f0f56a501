"""What unknowns that the model lacks would gain: slopes and curvatures of the likelihood, frame by frame.

L = a - I log a of the model intensity a = gain sum_m |F_m|^2 + background. For an unknown t with da/dt = b
the slope and the expected curvature at t = 0 are sum (a - I) b J and sum b^2 J, J = 1 / (a + SOFT). SOFT
keeps single photons on dark pixels from counting for many; the slope of a right model is zero on the average
with it, too.
"""

import numpy as _np

from nanompi.device.kernels.likelihood import FLOOR

SOFT = 0.05  # photons
FRAME_SUMS, PIXEL_SUMS = 15, 3


def scores(F, Dy, Dx, I, mask, gain, background, far, expected, rows, maps, work):
    """Sums over the measured pixels of each frame, and over the frames of each measured pixel.

    Dy, Dx   : (n, M, h, w) complex, the change of F as a frame moves by a pixel along rows, columns
    far      : far field: a blur is b = gain sum_m |half the difference of F_m at both neighbours|^2, of
        rows and of columns, as modes sin(2 pi x / w) P and sin(2 pi y / h) P add it; near field: b = the four
        neighbours of a, less four times a, as a wide source adds it. Beyond an edge comes the opposite one
    expected : as `likelihood.figures` has it
    rows     : (n, FRAME_SUMS) float64, written: deviance, its expectation, I, a, I log I; slopes of a move
        along y and x, curvatures yy, yx, xx; slope and curvature of a blur, and its sum J b a; slope and
        curvature of a background, b = 1
    maps     : (PIXEL_SUMS, h, w) float64, added to: deviance less its expectation, I, a
    work     : (3, n, h, w) real, scratch
    """
    g = gain[:, None, None]
    a = g * (_np.abs(F) ** 2).sum(1) + gain.dtype.type(background)
    by, bx = (2 * g * (F.conj() * D).real.sum(1) for D in (Dy, Dx))
    k, i = mask * (I >= 0), _np.maximum(I, 0).astype(a.dtype)
    blur = _spread(F, g) if far else sum(_np.roll(a, n, axis) for axis in (1, 2) for n in (1, -1)) - 4 * a
    log_i, last = _np.log(_np.maximum(i, 1e-9)), len(expected) - 1
    dev = k * 2 * (a - i + i * (log_i - _np.log(a + FLOOR)))
    table = _np.interp(_np.sqrt(a) * 32, _np.arange(last + 1), expected)
    mean = k * _np.where(_np.sqrt(a) * 32 < last, table, 1 + 1 / (6 * _np.maximum(a, 1)))
    J = k / (a + a.dtype.type(SOFT))
    r = (a - i) * J
    terms = (dev, mean, k * i, k * a, k * i * log_i)
    terms += (r * by, r * bx, J * by**2, J * by * bx, J * bx**2, r * blur, J * blur**2, J * blur * a, r, J)
    rows[...] = _np.stack([t.sum((1, 2), dtype=_np.float64) for t in terms], 1)
    maps += _np.stack([t.sum(0, dtype=_np.float64) for t in (dev - mean, k * i, k * a)])


def _spread(F, g):
    """What modes sin(2 pi x / w) P and sin(2 pi y / h) P would add"""
    steps = (_np.roll(F, 1, axis) - _np.roll(F, -1, axis) for axis in (2, 3))
    return g / 4 * sum((_np.abs(d) ** 2).sum(1) for d in steps)
