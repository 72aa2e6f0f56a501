"""Likelihood of the counts given the model intensity a, its gradient and its curvature along a direction.

Per pixel, with e = EPS (Odstrcil et al., doi:10.1364/OE.26.003108, section 2; Thibault & Guizar-Sicairos,
doi:10.1088/1367-2630/14/6/063004):

noise         L                             L1 = dL/da              J, expected curvature (Fisher): d2L/dt2
= J b1^2 0 poisson     a - I log(a + e)              1 - I/(a + e)           1/(a + e)
1 gaussian    (a - I)^2 / 2(I + 1)          (a - I)/(I + 1)         1/(I + 1)
2 euclidean   2(sqrt(a + e) - sqrt(I))^2    2 - 2 sqrt(I/(a + e))   1/(a + e)
"""

import numpy as _np

POISSON, GAUSSIAN, EUCLIDEAN = range(3)
EPS = 0.01
FLOOR = 1e-3  # photons added to the model, so that the logarithm of a figure stays finite


def _terms(a, I, noise):
    """L1 and J"""
    if noise == POISSON:
        return 1 - I / (a + EPS), 1 / (a + EPS)
    if noise == GAUSSIAN:
        return (a - I) / (I + 1), 1 / (I + 1)
    return 2 - 2 * _np.sqrt(I / (a + EPS)), 1 / (a + EPS)


def _known(I, mask, dtype):
    return mask * (I >= 0), _np.maximum(I, 0).astype(dtype)


def _intensity(F, gain, back):
    """a_j = gain_j sum_m |F_jm|^2 + back"""
    return gain[:, None, None] * (_np.abs(F) ** 2).sum(1) + back


def photons(F, I, mask, gain, given, back, light):
    """Of each frame those of its counts that the waves brought, and given sum_m |F_m|^2, over measured pixels

    Of I counts in a pixel gain sum_m |F_m|^2 / (a + e) are the waves' on average; all where back is 0.
    """
    m = _intensity(F, gain, 0)
    k, i = _known(I, mask, m.dtype)
    own = m / (m + back + EPS) if back > 0 else 1
    light[:, 0] = (k * i * own).sum((1, 2), dtype=_np.float64)
    light[:, 1] = (k * _intensity(F, given, 0)).sum((1, 2), dtype=_np.float64)


def gradient(F, I, mask, gain, noise, back, work, z):
    """z = gain L1 F, the gradient dL/dF*; returns sum L over measured pixels.

    work : (2, n, h, w) real, scratch (the CPU keeps a and log a there)
    """
    a = _intensity(F, gain, back)
    k, i = _known(I, mask, a.dtype)
    z[...] = (gain[:, None, None] * k * _terms(a, i, noise)[0])[:, None] * F
    if noise == POISSON:
        L = a - i * _np.log(a + EPS)
    elif noise == GAUSSIAN:
        L = (a - i) ** 2 / (2 * (i + 1))
    else:
        L = 2 * (_np.sqrt(a + EPS) - _np.sqrt(i)) ** 2
    return float((k * L).sum(dtype=_np.float64))


def line(F, D, I, mask, gain, noise, back):
    """Slope and expected curvature of L along F + t D: sum L1 b1, sum J b1^2; b1 = 2 gain sum_m Re(F* D)"""
    g = gain[:, None, None]
    a, b1 = _intensity(F, gain, back), 2 * g * (F.conj() * D).real.sum(1)
    k, i = _known(I, mask, a.dtype)
    L1, J = _terms(a, i, noise)
    return tuple(float((k * t).sum(dtype=_np.float64)) for t in (L1 * b1, J * b1**2))


def figures(F, I, mask, gain, expected, back, work):
    """Sums over measured pixels from which all figures of quality follow.

    expected : the expected Poisson deviance at sqrt(a) = 0, 1/32, 2/32 ...; beyond the table 1 + 1/(6 a)
    work     : (3, n, h, w) real, scratch
    Returns (deviance 2 (a - I + I log(I / (a + FLOOR))), its expectation, |sqrt(a) - sqrt(I)|, sqrt(I),
    (sqrt(a) - sqrt(I))^2, I, a, number of pixels).
    """
    a = _intensity(F, gain, back)
    k, i = _known(I, mask, a.dtype)
    sa, si, last = _np.sqrt(a), _np.sqrt(i), len(expected) - 1
    table = _np.interp(sa * 32, _np.arange(last + 1), expected)
    terms = (
        2 * (a - i + i * _np.log(_np.maximum(i, 1e-9) / (a + FLOOR))),
        _np.where(sa * 32 < last, table, 1 + 1 / (6 * _np.maximum(a, 1))),
        _np.abs(sa - si),
        si,
        (sa - si) ** 2,
        i,
        a,
        _np.ones_like(a),
    )
    return tuple(float((k * t).sum(dtype=_np.float64)) for t in terms)
