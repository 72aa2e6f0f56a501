"""The proximal map of total variation: argmin_u |u - g|^2 / 2 + weight sum |grad u|, by its dual.

    v = div d - g / weight,   d <- (d + STEP grad v) / (1 + STEP |grad v|),   u = g - weight div d

grad are differences to the next row and column, 0 at the last; div is minus its adjoint. d, of at most 1
everywhere, begins with 0 or with that of a similar g (Chambolle, doi:10.1023/B:JMIV.0000011325.36760.1e).
"""

import numpy as _np

STEP = 0.25  # as large as it goes in practice; proved is convergence to 1/8


def tv_dual(g, d, weight, new):
    """An iteration of the dual: `new` from `d`.

    g      : (k, h, w) real, images; weight : (k,) real, > 0
    d, new : (k, 2, h, w) real, along rows' numbers and columns' numbers
    """
    v = _divergence(d) - g / weight[:, None, None]
    step = _np.zeros_like(d)
    step[:, 0, :-1], step[:, 1, :, :-1] = _np.diff(v, axis=1), _np.diff(v, axis=2)
    step *= g.dtype.type(STEP)
    new[...] = (d + step) / (1 + _np.sqrt(step[:, 0] ** 2 + step[:, 1] ** 2))[:, None]


def tv_primal(g, d, weight, u):
    """u (k, h, w) = g - weight div d"""
    u[...] = g - weight[:, None, None] * _divergence(d)


def _divergence(d):
    out = d[:, 0] + d[:, 1]
    out[:, 1:] -= d[:, 0, :-1]
    out[:, :, 1:] -= d[:, 1, :, :-1]
    return out
