"""peaks.py for one thread of a CPU: a fit after the other, nothing larger than a normal matrix is held."""

import numpy as _np

from nanompi.device.compiled import compiler as _compiler
from nanompi.device.kernels import peaks as _peaks

_compiled = _compiler(nogil=True, error_model="numpy")
_N, _TRIALS, _CONVERGED, _STIFF = _peaks.PARAMETERS, _peaks.TRIALS, _peaks.CONVERGED, _peaks.STIFF
_PSEUDO_VOIGT, _NARROW, _LN2, _PI = _peaks.PSEUDO_VOIGT, _peaks.NARROW, _peaks.LN2, _peaks.PI


def fit_peaks(x, y, weight, counting, shape, p, errors, chi2):
    _fit(x, y, weight, counting, shape, p, errors, chi2)


@_compiled
def _fit(x, y, weight, counting, shape, p, errors, chi2):
    m = len(x)
    matrices, vectors = _np.empty((4, _N, _N)), _np.empty((5, _N))
    H, L, A = matrices[0], matrices[1], matrices[2]
    g, d, own = vectors[0], vectors[1], vectors[4]
    held, w = _np.empty(_N, _np.bool_), _np.empty(m)
    for s in range(len(y)):
        at, again, points = p[s], False, 0
        for i in range(m):
            w[i] = weight[s, i]
            points += w[i] > 0
        _start(x, y[s], w, shape, at)
        done = _descend(x, y[s], w, at, shape, matrices, vectors, held)
        for i in range(m):
            if counting[s, i] > 0 and w[i] > 0:
                again = True
                w[i] = 1 / (counting[s, i] * max(_value(x, i, at, own), counting[s, i]))
        if again:
            done = _descend(x, y[s], w, at, shape, matrices, vectors, held)
        total = _normal(x, y[s], w, at, H, g, own)
        _hold(x, at, g, shape, held)
        _freeze(H, held, 0.0, A)
        positive = _factor(A, L)
        for a in range(_N):
            for b in range(_N):
                g[b] = a == b
            _substitute(L, g, d)
            errors[s, a] = 0.0 if held[a] else (_np.sqrt(max(d[a], 0.0)) if positive else _np.nan)
        for a in range(_N):
            points -= not held[a]
        chi2[s] = total / max(points, 1)
        if not done or held[1] or held[2]:
            chi2[s] = _np.nan
            for a in range(_N):
                at[a] = errors[s, a] = _np.nan


@_compiled
def _start(x, y, w, shape, p):
    m = len(x)
    ends, step, left, right = max(2, m // 8), (x[-1] - x[0]) / (m - 1), 0.0, 0.0
    for i in range(ends):
        left += y[i] / ends
        right += y[m - 1 - i] / ends
    top, at, area = -_np.inf, 0, 0.0
    for i in range(m):
        above = y[i] - (left + (right - left) * (i / (m - 1))) if w[i] > 0 else 0.0
        area += above * step
        if above > top:
            top, at = above, i
    p[0], p[1] = max(area, step * abs(top)), x[at]
    p[2] = min(max(abs(area) / max(top, 1e-300) * 0.9, 1.5 * step), 0.5 * (x[-1] - x[0]))
    p[3] = 0.5 if shape == _PSEUDO_VOIGT else shape - 1.0
    p[4], p[5] = (left + right) / 2, (right - left) / (x[-1] - x[0])


@_compiled
def _value(x, i, p, own):
    """The model at x[i]; own : its derivatives"""
    area, centre, width, eta = p[0], p[1], p[2], p[3]
    u = 2 * (x[i] - centre) / width
    lorentz, along = 1 / (1 + u * u), x[i] - (x[0] + x[-1]) / 2
    G = 2 * _np.sqrt(_LN2 / _PI) / width * _np.exp(-_LN2 * u * u)
    L = 2 / (_PI * width) * lorentz
    own[0] = eta * L + (1 - eta) * G
    own[1] = area / width * ((1 - eta) * G * 4 * _LN2 * u + eta * L * 4 * u * lorentz)
    own[2] = area / width * ((1 - eta) * G * (2 * _LN2 * u * u - 1) + eta * L * (2 * u * u * lorentz - 1))
    own[3], own[4], own[5] = area * (L - G), 1.0, along
    return area * own[0] + p[4] + p[5] * along


@_compiled
def _normal(x, y, w, p, H, g, own):
    """The lower half of the normal matrix, downhill; returns the sum of weighted squares"""
    total = 0.0
    for a in range(_N):
        g[a] = 0
        for b in range(a + 1):
            H[a, b] = 0
    for i in range(len(x)):
        r = y[i] - _value(x, i, p, own)
        total += w[i] * r * r
        for a in range(_N):
            t = w[i] * own[a]
            g[a] += t * r
            for b in range(a + 1):
                H[a, b] += t * own[b]
    return total


@_compiled
def _limit(x, a):
    if a == 1:
        return x[0], x[-1]
    if a == 2:
        return _NARROW * (x[-1] - x[0]) / (len(x) - 1), x[-1] - x[0]
    return 0.0, 1.0


@_compiled
def _hold(x, p, g, shape, held):
    held[0] = held[4] = held[5] = False
    for a in range(1, 4):
        low, high = _limit(x, a)
        held[a] = (p[a] <= low and g[a] < 0) or (p[a] >= high and g[a] > 0)
    held[3] = held[3] or shape != _PSEUDO_VOIGT


@_compiled
def _freeze(H, held, damping, A):
    for a in range(_N):
        for b in range(a + 1):
            A[a, b] = 0.0 if held[a] or held[b] else H[a, b]
        A[a, a] = 1.0 if held[a] else A[a, a]
        A[a, a] += damping * A[a, a] + (1e-300 if damping > 0 else 0.0)


@_compiled
def _factor(A, L):
    """Cholesky's factor; False where there is none"""
    for a in range(_N):
        for b in range(a + 1):
            t = A[a, b]
            for k in range(b):
                t -= L[a, k] * L[b, k]
            if a == b:
                if not t > 0:
                    return False
                L[a, a] = _np.sqrt(t)
            else:
                L[a, b] = t / L[b, b]
    return True


@_compiled
def _substitute(L, g, d):
    for a in range(_N):
        t = g[a]
        for k in range(a):
            t -= L[a, k] * d[k]
        d[a] = t / L[a, a]
    for a in range(_N - 1, -1, -1):
        t = d[a]
        for k in range(a + 1, _N):
            t -= L[k, a] * d[k]
        d[a] = t / L[a, a]


@_compiled
def _descend(x, y, w, p, shape, matrices, vectors, held):
    """Steps until none gains; returns whether that came"""
    H, L, A, H2 = matrices[0], matrices[1], matrices[2], matrices[3]
    g, d, q, g2, own = vectors[0], vectors[1], vectors[2], vectors[3], vectors[4]
    total, damping = _normal(x, y, w, p, H, g, own), 1e-2
    for _ in range(_TRIALS):
        _hold(x, p, g, shape, held)
        _freeze(H, held, damping, A)
        better, new = _factor(A, L), 0.0
        if better:
            for a in range(_N):
                g2[a] = 0.0 if held[a] else g[a]
            _substitute(L, g2, d)
            for a in range(_N):
                q[a] = p[a] + d[a]
            for a in range(1, 4):
                low, high = _limit(x, a)
                q[a] = min(max(q[a], low), high)
            new = _normal(x, y, w, q, H2, g2, own)
            better = new <= total
        if better:
            small = total - new < _CONVERGED * total + 1e-300
            total = new
            for a in range(_N):
                p[a], g[a] = q[a], g2[a]
                for b in range(a + 1):
                    H[a, b] = H2[a, b]
            damping = max(damping * 0.2, 1e-9)
            if small:
                return True
        else:
            damping *= 5
            if damping > _STIFF:
                return True
    return False
