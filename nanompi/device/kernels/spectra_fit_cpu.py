"""spectra_fit.py for one thread of a CPU. Channels without counts are passed over; what is left of columns is
gathered first, so that the products of columns, most of the work, are vector code over padded rows."""

import numpy as _np

from nanompi.device.cholesky import OPTIONS as _OPTIONS
from nanompi.device.cholesky import backward as _backward
from nanompi.device.cholesky import factor as _factor
from nanompi.device.cholesky import forward as _forward
from nanompi.device.cholesky import into as _into
from nanompi.device.cholesky import listed as _listed
from nanompi.device.compiled import compiler as _compiler
from nanompi.device.kernels import spectra_fit as _of

_compiled = _compiler(**_OPTIONS)
_VECTOR = 8  # columns are padded to a multiple
_PIECE = 2 << 20  # bytes of counts that are converted at a time
_ABREAST = 4  # products of a column with others that are added up at a time


def least_squares(
    counts, weighted, weights, detector, scale, gram, third, signed, x, errors, misfit, lane, lanes
):
    at = _np.searchsorted(detector, _np.arange(scale.shape[1] + 1))
    own = _padded(weighted, _np.float64), weights, at, scale, gram, third, signed
    for rows in _pieces(counts, lane, lanes):
        y = counts[rows].astype(_np.float64)
        _least_squares(y, *own, x, errors, misfit, rows.start, lanes)


def _pieces(counts, lane, lanes):
    """Rows of a lane, some at a time: all of a map in double precision would be four times its counts"""
    n, many = len(counts), max(1, _PIECE // max(1, 8 * counts.shape[1])) * lanes
    return [slice(first, min(first + many, n), lanes) for first in range(lane, n, many)]


def _padded(columns, dtype):
    wide = -(-columns.shape[1] // _VECTOR) * _VECTOR
    out = _np.zeros((len(columns), wide), dtype)
    out[:, : columns.shape[1]] = columns
    return out


@_compiled
def _least_squares(y, P, weights, at, scale, gram, third, signed, x, errors, misfit, lane, lanes):
    m, M = x.shape[1], P.shape[1]
    b, G, V = _np.empty(m), _np.empty((m, m)), _np.empty((m, m))
    L, z, v = _np.empty((m, m)), _np.empty(m), _np.empty(m)
    acc = _np.empty(M)
    free, there, some = _np.empty(m, _np.bool_), _np.empty(m, _np.bool_), _np.empty(m, _np.int64)
    for row in range(len(y)):
        s = lane + row * lanes
        whole, channels, square = _projected(y[row], P, weights, at, scale[s], acc, b)
        G[:] = 0
        for i in range(len(scale[s])):
            _add_times(G, gram[i], scale[s, i] ** 2)
        any_there = False
        for j in range(m):
            there[j] = free[j] = G[j, j] > 0
            any_there |= there[j]
        if not (whole and any_there):
            _unknown(s, x, errors, misfit)
            continue
        if signed:
            p = _listed(free, some)
            _factor(G, some, p, _of.SINGULAR, L)
            _into(L, some, p, b, z, x[s])
        else:
            p = _pivot(G, b, there, free, some, L, z, v, x[s])
        misfit[s] = max(square + _rest(G, b, x[s]), 0.0)
        if len(errors):
            if len(third):
                _spread_of_counts(third, scale[s], x[s], V)
            else:
                V[:] = G * (misfit[s] / max(channels - p, 1))
            _spreads(G, V, there, free, some, L, z, errors[s])


@_compiled
def _unknown(s, x, errors, misfit):
    x[s] = _np.nan
    misfit[s] = _np.nan
    if len(errors):
        errors[s] = _np.nan


@_compiled
def _projected(y, P, weights, at, scale, acc, b):
    """b of the normal equations; (is every count a number, channels seen, sum of W y^2 of these)"""
    m, channels, square, whole = len(b), 0, 0.0, True
    b[:] = 0
    for i in range(len(scale)):
        acc[:] = 0
        own = 0.0
        for c in range(at[i], at[i + 1]):
            value = y[c]
            if value != 0:
                own += weights[c] * value * value
                for j in range(P.shape[1]):
                    acc[j] += P[c, j] * value
        whole &= _np.isfinite(own)
        if scale[i] > 0:
            square += own
            channels += at[i + 1] - at[i]
            for j in range(m):
                b[j] += scale[i] * acc[j]
    return whole, channels, square


@_compiled
def _add_times(to, what, factor):
    for i in range(to.shape[0]):
        for j in range(to.shape[1]):
            to[i, j] += factor * what[i, j]


@_compiled
def _pivot(G, b, there, free, some, L, z, wrong, x):
    """Which columns are not 0, and x; returns how many"""
    m, best, left, limit, p = len(b), len(b) + 1, _of.FULL, 0.0, 0
    for j in range(m):
        limit = max(limit, abs(b[j]))
    for _ in range(20 * m):
        p = _listed(free, some)
        _factor(G, some, p, _of.SINGULAR, L)
        _into(L, some, p, b, z, x)
        many, last = 0, 0
        for j in range(m):
            wrong[j] = 0
            if free[j]:
                wrong[j] = x[j] < 0
            elif there[j]:
                slope = -b[j]
                for q in range(p):
                    slope += G[j, some[q]] * x[some[q]]
                wrong[j] = slope < -_of.SINGULAR * limit
            if wrong[j]:
                many, last = many + 1, j
        if many == 0:
            break
        alone = False
        if many < best:
            best, left = many, _of.FULL
        elif left > 0:
            left -= 1
        else:
            alone = True
        for j in range(m):
            if wrong[j] and (j == last or not alone):
                free[j] = not free[j]
    return p


@_compiled
def _rest(G, b, x):
    """x'Gx - 2 x'b"""
    total = 0.0
    for i in range(len(x)):
        t = -2 * b[i]
        for j in range(len(x)):
            t += G[i, j] * x[j]
        total += t * x[i]
    return total


@_compiled
def _spread_of_counts(third, scale, x, V):
    V[:] = 0
    for i in range(len(scale)):
        for q in range(len(x)):
            if x[q] > 0:
                _add_times(V, third[i, q], scale[i] ** 3 * x[q])


@_compiled
def _spreads(G, V, there, free, some, L, z, errors):
    """Standard deviations: x_j = r'b with r the row of the inverse; of a column at 0, with it taken in"""
    p = _listed(free, some)
    _factor(G, some, p, _of.SINGULAR, L)
    for j in range(len(errors)):
        if not there[j]:
            errors[j] = _np.nan
            continue
        for a in range(p):
            z[a] = some[a] == j if free[j] else -G[some[a], j]
        _forward(L, p, z)
        _backward(L, p, z)
        left, spread = (1.0, 0.0) if free[j] else (G[j, j], V[j, j])
        for a in range(p):
            i = some[a]
            t = 0.0
            for e in range(p):
                t += z[e] * V[i, some[e]]
            spread += z[a] * t
            if not free[j]:
                left += z[a] * G[i, j]
                spread += 2 * z[a] * V[i, j]
        errors[j] = _np.sqrt(max(spread, 0.0)) / max(left, _of.SINGULAR * G[j, j] * (not free[j]))


def poisson_fit(counts, columns, detector, scale, iterations, tolerance, x, errors, misfit, lane, lanes):
    at = _np.searchsorted(detector, _np.arange(scale.shape[1] + 1))
    sums = _np.add.reduceat(columns, at[:-1], axis=0, dtype=_np.float64) * (at[1:] > at[:-1])[:, None]
    until = _np.array([iterations, tolerance], _np.float64)
    A = _np.ascontiguousarray(_padded(columns, columns.dtype).T)
    own = A, at, scale, sums, until, x, errors, misfit
    for rows in _pieces(counts, lane, lanes):
        _poisson_fit(counts[rows].astype(columns.dtype), *own, rows.start, lanes)


@_compiled
def _poisson_fit(y, A, at, scale, sums, until, x, errors, misfit, lane, lanes):
    (M, C), m = A.shape, x.shape[1]
    Z, at_c = _np.zeros((M, C), A.dtype), _np.empty(C, _np.int64)
    one = _np.empty(C, A.dtype)
    hold = one, one.copy(), one.copy(), one.copy(), one.copy()
    H, L = _np.empty((m, M), A.dtype), _np.empty((m, m))
    vectors, some, free = _np.empty((6, m)), _np.empty(m, _np.int64), _np.empty(m, _np.bool_)
    for row in range(len(y)):
        s = lane + row * lanes
        k, total, channels = _gathered(y[row], A, at, scale[s], Z, hold, at_c)
        S = vectors[0]
        S[:] = 0
        for i in range(len(scale[s])):
            for j in range(m):
                S[j] += scale[s, i] * sums[i, j]
        if k < 0 or not S.max() > 0:
            _unknown(s, x, errors, misfit)
            continue
        p = _newton(Z, hold, k, total, until, vectors, x[s], H, L, some, free)
        if len(errors):
            _errors(H, L, S, vectors[1], some, p, free, vectors[2], errors[s])
        for j in range(m):
            x[s, j] = max(x[s, j] + vectors[3, j], 0.0) if free[j] else 0.0
        misfit[s] = _deviance(Z, hold, k, total, S, channels, vectors[4], x[s])


@_compiled
def _gathered(y, A, at, scale, Z, hold, at_c):
    """The columns, scaled, and counts of the channels that have some; (how many, -1 where a count is none;
    all counts; channels seen)"""
    k, total, channels, good = 0, 0.0, 0, True
    own, part = hold[0], hold[1]
    for i in range(len(scale)):
        channels += (at[i + 1] - at[i]) * (scale[i] > 0)
        for c in range(at[i], at[i + 1]):
            value = y[c]
            if value == 0:
                continue
            good &= value > 0
            if scale[i] > 0:
                total += value
                own[k], part[k], at_c[k] = value, scale[i], c
                k += 1
    for j in range(len(A)):
        for c in range(k):
            Z[j, c] = part[c] * A[j, at_c[c]]
    return (k if good and _np.isfinite(total) else -1), total, channels


@_compiled
def _newton(Z, hold, k, total, until, vectors, x, H, L, some, free):
    """Steps until the decrement is small; x, and the last step in vectors[3], which is still to be done.
    Returns how many columns are free; hold : counts, mu, r = y / mu, and mu of the step that is tried"""
    m, p = len(x), 0
    own, mu, r, there, w = hold
    S, g, z, d, to, g_to = vectors
    for j in range(m):
        x[j] = max(x[j], _of.FIRST * (total + 1) / (m * S[j])) if S[j] > 0 else 0.0
    _model(Z, k, x, own, mu, r)
    _slopes(Z, k, r, S, g)
    for turn in range(int(until[0]) + 1):
        _information(Z, k, mu, r, w, H)
        for j in range(m):
            free[j] = S[j] > 0 and not (x[j] * S[j] <= _of.LEAST * 1.000001 and g[j] > 0)
        p = _listed(free, some)
        _factor_information(H, S, total, some, p, L)
        for a in range(p):
            z[a] = -g[some[a]]
        _forward(L, p, z)
        fall = 0.0
        for a in range(p):
            fall += z[a] * z[a]
        _backward(L, p, z)
        d[:] = 0
        for a in range(p):
            d[some[a]] = z[a]
        if fall < until[1]:
            return p
        step = 1.0
        if turn == int(until[0]):
            break
        for _ in range(_of.TRIES):
            for j in range(m):
                to[j] = max(x[j] + step * d[j], _of.LEAST / S[j]) if free[j] else x[j]
            _model(Z, k, to, own, there, r)
            _slopes(Z, k, r, S, g_to)
            slope, change = 0.0, 0.0
            for j in range(m):
                slope += g_to[j] * (to[j] - x[j])
                change += S[j] * (to[j] - x[j])
            if slope <= _of.FLAT or change <= _gain(own, mu, there, k):
                break
            step *= _of.SHORTER
        else:
            break
        x[:] = to
        g[:] = g_to
        mu[:k] = there[:k]
    d[:] = 0
    return p


@_compiled
def _model(Z, k, x, own, mu, r):
    """mu, and r = y / mu"""
    mu[:k] = _of.UNEXPLAINED
    for j in range(len(x)):
        part = Z.dtype.type(x[j])
        if part > 0:
            for c in range(k):
                mu[c] += part * Z[j, c]
    for c in range(k):
        r[c] = own[c] / mu[c]


@_compiled
def _slopes(Z, k, r, S, g):
    for j in range(len(S)):
        t = Z.dtype.type(0)
        for c in range(k):
            t += r[c] * Z[j, c]
        g[j] = S[j] - t


@_compiled
def _information(Z, k, mu, r, w, H):
    """The lower triangle of sum y / mu^2 a a', with what stands behind it of some columns abreast"""
    zero = Z.dtype.type(0)
    for j in range(len(H)):
        for c in range(k):
            w[c] = r[c] / mu[c] * Z[j, c]
        for q in range(0, j + 1, _ABREAST):
            t0, t1, t2, t3 = zero, zero, zero, zero
            for c in range(k):
                t0 += w[c] * Z[q, c]
                t1 += w[c] * Z[q + 1, c]
                t2 += w[c] * Z[q + 2, c]
                t3 += w[c] * Z[q + 3, c]
            H[j, q], H[j, q + 1], H[j, q + 2], H[j, q + 3] = t0, t1, t2, t3


@_compiled
def _factor_information(H, S, total, some, p, L):
    """As `_factor`, of the lower triangle alone, with what keeps it regular where there is nothing"""
    for a in range(p):
        for e in range(a + 1):
            t = _np.float64(H[some[a], some[e]])
            if a == e:
                ridge = _of.RIDGE * (t + S[some[a]] ** 2 / (total + 1))
                t += ridge
            for q in range(e):
                t -= L[a, q] * L[e, q]
            if a == e:
                L[a, a] = _np.sqrt(max(t, 0.5 * ridge))
            else:
                L[a, e] = t / L[e, e]


@_compiled
def _gain(own, mu, there, k):
    """sum y ln(there / mu)"""
    total = 0.0
    for c in range(k):
        total += own[c] * _np.log(_np.float64(there[c]) / mu[c])
    return total


@_compiled
def _deviance(Z, hold, k, total, S, channels, z, x):
    own, mu, r, _, _ = hold
    _model(Z, k, x, own, mu, r)
    out = _of.UNEXPLAINED * channels - total
    for j in range(len(S)):
        out += S[j] * x[j]
    for c in range(k):
        out += own[c] * _np.log(_np.float64(r[c]))
    return 2 * out


@_compiled
def _errors(H, L, S, g, some, p, free, z, errors):
    for j in range(len(S)):
        errors[j] = 0.0
        if not free[j]:
            for a in range(p):
                i = some[a]
                z[a] = H[max(i, j), min(i, j)]
            _forward(L, p, z)
            h = _np.float64(H[j, j])
            for a in range(p):
                h -= z[a] * z[a]
            errors[j] = 1 / (g[j] + _np.sqrt(g[j] * g[j] + max(h, 0.0))) if S[j] > 0 else _np.nan
    for first in range(p):  # sums of squares of the columns of L^-1
        total = 0.0
        for a in range(first, p):
            t = 1.0 if a == first else 0.0
            for q in range(first, a):
                t -= L[a, q] * z[q]
            z[a] = t / L[a, a]
            total += z[a] * z[a]
        errors[some[first]] = _np.sqrt(total)
