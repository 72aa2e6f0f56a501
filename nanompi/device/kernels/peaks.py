"""Peaks fitted, each by itself: least squares of an area, a place, a width and a mixing on a straight line.

The profile is `nanompi.optics.peak`. Steps are Levenberg's and Marquardt's (J. Soc. Indust. Appl. Math. 11,
431 (1963)); a parameter that a step drives over its limit stays at it.

x : (m,) float64, rising    y, weight : (n, m) float64, weight = 1 / variance, 0 = not measured
"""

import numpy as _np

from nanompi.optics import peak as _peak

PARAMETERS = 6  # area, centre, fwhm, eta, base, slope
PSEUDO_VOIGT, GAUSS, LORENTZ = 0, 1, 2  # shapes: eta free, 0, 1
TRIALS = 60  # steps at most
CONVERGED = 1e-7  # of the sum of squares: a step that gains less is the last
STIFF = 1e9  # damping at which no step gains anything any more
NARROW = 0.3  # steps of x: the least width
LN2, PI = _peak.LN2, _peak.PI
ABREAST = 64  # threads of a block of a card


def fit_peaks(x, y, weight, counting, shape, p, errors, chi2):
    """Fit each row; what is not a peak between the ends of x, or does not converge, is NaN.

    counting : (n, m) float64, variance of y where y is 1; where it is not 0 a second fit, from the first, has
        weights of its model, 1 / (counting max(model, counting)): those of counts lean to low ones. One
        count more raises y by `counting`.
    shape : PSEUDO_VOIGT, GAUSS or LORENTZ
    p, errors : (n, PARAMETERS) float64, written: values and standard errors; that of a parameter at its limit
        is 0
    chi2 : (n,) float64, written: sum of weighted squares over measured values less free parameters
    """
    p[...] = _start(x, y, weight, shape)
    w = weight.copy()
    done = _descend(x, y, w, p, shape)
    again = (counting > 0) & (weight > 0)
    if again.any():
        model = _peak.profile(x, p)[0]
        w = _np.where(again, 1 / _np.where(again, counting * _np.maximum(model, counting), 1), w)
        done = _descend(x, y, w, p, shape)
    H, g, sum2 = _normal(x, y, w, p)
    fixed = _held(x, p, g, shape)
    for a in range(PARAMETERS):
        free = ~fixed[:, a]
        unit = _np.zeros_like(p)
        unit[:, a] = 1
        variance = _solved(_frozen(H, fixed), unit)[:, a]
        errors[:, a] = _np.where(free, _np.sqrt(_np.maximum(variance, 0)), 0)
    chi2[...] = sum2 / _np.maximum((w > 0).sum(1) - (~fixed).sum(1), 1)
    off = fixed[:, 1] | fixed[:, 2]
    chi2[~done | off] = errors[~done | off] = p[~done | off] = _np.nan


def _start(x, y, weight, shape):
    """A guess of all parameters from the ends, the highest value and the sum of each row"""
    m = len(x)
    ends, step = max(2, m // 8), (x[-1] - x[0]) / (m - 1)
    left, right = y[:, :ends].mean(1), y[:, -ends:].mean(1)
    line = left[:, None] + (right - left)[:, None] * (_np.arange(m) / (m - 1))
    above = _np.where(weight > 0, y - line, 0)
    top, area = above.max(1), above.sum(1) * step
    p = _np.empty((len(y), PARAMETERS))
    p[:, 0] = _np.maximum(area, step * abs(top))
    p[:, 1] = x[above.argmax(1)]
    p[:, 2] = _np.clip(abs(area) / _np.maximum(top, 1e-300) * 0.9, 1.5 * step, 0.5 * (x[-1] - x[0]))
    p[:, 3] = (0.5, 0.0, 1.0)[shape]
    p[:, 4] = (left + right) / 2
    p[:, 5] = (right - left) / (x[-1] - x[0])
    return p


def _normal(x, y, w, p):
    """Normal matrix (n, 6, 6), downhill (n, 6), sum of weighted squares (n,)"""
    f, J = _peak.profile(x, p)
    wJ, r = w[..., None] * J, y - f
    return _np.einsum("nia,nib->nab", wJ, J), (wJ * r[..., None]).sum(1), (w * r * r).sum(1)


def _limits(x):
    """Lowest and highest centre, fwhm, eta"""
    return ((x[0], x[-1]), (NARROW * (x[-1] - x[0]) / (len(x) - 1), x[-1] - x[0]), (0.0, 1.0))


def _held(x, p, g, shape):
    """(n, 6) bool, parameters at a limit beyond which they would go; the mixing where the shape gives it"""
    held = _np.zeros(p.shape, bool)
    for a, (low, high) in enumerate(_limits(x), 1):
        held[:, a] = ((p[:, a] <= low) & (g[:, a] < 0)) | ((p[:, a] >= high) & (g[:, a] > 0))
    held[:, 3] |= shape != PSEUDO_VOIGT
    return held


def _frozen(H, held):
    """The matrix without the parameters that are held"""
    free = ~held
    return _np.where(free[:, :, None] & free[:, None], H, 0) + _np.eye(PARAMETERS) * held[:, None]


def _solved(H, g):
    """H d = g, rows; NaN where H is not positive"""
    out = _np.full(g.shape, _np.nan)
    for j in range(len(g)):
        try:
            L = _np.linalg.cholesky(H[j])
        except _np.linalg.LinAlgError:
            continue
        out[j] = _np.linalg.solve(L.T, _np.linalg.solve(L, g[j]))
    return out


def _descend(x, y, w, p, shape):
    """Steps until none gains: p is changed; (n,) bool, which have converged"""
    H, g, sum2 = _normal(x, y, w, p)
    damping, done = _np.full(len(p), 1e-2), _np.zeros(len(p), bool)
    for _ in range(TRIALS):
        if done.all():
            break
        held = _held(x, p, g, shape)
        A = _frozen(H, held)
        A = A + _np.eye(PARAMETERS) * (damping[:, None] * _np.diagonal(A, axis1=1, axis2=2) + 1e-300)[:, None]
        q = p + _solved(A, _np.where(held, 0, g))
        for a, (low, high) in enumerate(_limits(x), 1):
            q[:, a] = _np.clip(q[:, a], low, high)
        H2, g2, new = _normal(x, y, w, _np.where(_np.isfinite(q), q, p))
        better = ~done & _np.isfinite(q).all(1) & (new <= sum2)
        small = better & (sum2 - new < CONVERGED * sum2 + 1e-300)
        worse = ~done & ~better
        p[better], H[better], g[better], sum2[better] = q[better], H2[better], g2[better], new[better]
        damping = _np.where(better, _np.maximum(damping * 0.2, 1e-9), _np.where(worse, damping * 5, damping))
        done |= small | (damping > STIFF)
    return done
