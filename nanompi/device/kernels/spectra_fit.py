"""Fits of many spectra on one set of columns: least squares, signed or not negative; Poisson's likelihood.

The model of spectrum s is mu_c = scale[s, detector[c]] sum_j columns[c, j] x[s, j]. Several detectors stand
side by side along the channels. What is seen by no detector of a spectrum is NaN.

counts   : (k, C) of any dtype; a spectrum with a NaN, for `poisson_fit` also with a negative count, is NaN
columns  : (C, m) real, not negative for `poisson_fit`; weighted : (C, m) float64, weights[c] columns[c, j]
detector : (C,) int32, rising; scale : (k, d) float64, a detector of scale 0 was not there
gram     : (d, m, m) float64, columns' W columns of each detector, W the weights (C,) float64
third    : (d, m, m, m) float64, sum_c W^2 a_i a_j a_l over the channels of each detector; or (0, m, m, m)
x        : (k, m) float64, amplitudes; errors : (k, m) float64, standard deviations, or (0, m): not wanted
misfit   : (k,) float64, sum W (y - mu)^2, or the deviance 2 sum(mu - y + y ln(y / mu))
lane, lanes : this call does every `lanes`-th spectrum, beginning with number `lane`
"""

import numpy as _np

MOST_COLUMNS = 64  # that a card takes: their products fit into the shared memory of a block
FITTERS = 128  # threads of a block, which does one spectrum
SLAB = 8  # channels whose columns a block of a card holds at a time
UNEXPLAINED = 1e-5  # counts that each channel has of nothing: a stray one pulls at no column's far tail
LEAST = 1e-3  # counts below which a column is taken for absent while Newton's steps go on
FIRST = 1e-2  # of the mean counts of a column, with which each begins at least
RIDGE = 1e-6  # of the diagonal of the information
SINGULAR = 1e-12  # of a diagonal: a smaller pivot says that a column is made of others
TRIES = 12  # of the length of a step
SHORTER = 0.4
FLAT = 1e-4  # slope at the end of a step by which the objective has risen at most: it is convex
FULL = 3  # exchanges of all that is on the wrong side, which make nothing better, before one by one


def least_squares(
    counts, weighted, weights, detector, scale, gram, third, signed, x, errors, misfit, lane, lanes
):
    """x = the least sum W (y - mu)^2; where it is not `signed`, with x >= 0, by block principal pivoting
    (Kim & Park 2011, doi:10.1137/110821172).

    Errors follow from counts as the fit expects them, where `third` is given: (G^-1 M G^-1) with M = sum W^2
    max(mu, 0) a a'; else from the misfit, all channels alike. That of a column at 0 is what it would be with
    the column taken in.
    """
    for s in range(lane, len(counts), lanes):
        y, part = counts[s].astype(_np.float64), scale[s]
        G, m = _np.einsum("d,dij->ij", part**2, gram), x.shape[1]
        there = _np.diag(G) > 0
        if not _np.isfinite(y).all() or not there.any():
            x[s], misfit[s] = _np.nan, _np.nan
            errors[s : s + 1] = _np.nan
            continue
        seen = part[detector]
        b = (seen * y) @ weighted
        free = _pivoted(G, b, there) if not signed else there
        x[s] = _solved(G, b, free)
        misfit[s] = max((weights * y * y)[seen > 0].sum() - 2 * x[s] @ b + x[s] @ G @ x[s], 0)
        if len(errors):
            M = _np.einsum("d,dijl,l->ij", part**3, third, _np.maximum(x[s], 0)) if len(third) else None
            rest = max((seen > 0).sum() - free.sum(), 1)
            for j in range(m):
                errors[s, j] = _spread(G, M, misfit[s] / rest, free, j) if there[j] else _np.nan


def _pivoted(G, b, there):
    """(m,) bool, which are not 0"""
    free, best, left = there.copy(), len(b) + 1, FULL
    for _ in range(20 * len(b)):
        x = _solved(G, b, free)
        wrong = there & _np.where(free, x < 0, G @ x - b < -SINGULAR * abs(b).max())
        if not wrong.any():
            break
        if wrong.sum() < best:
            best, left = wrong.sum(), FULL
        elif left:
            left -= 1
        else:
            wrong[: _np.flatnonzero(wrong)[-1]] = False
        free ^= wrong
    return free


def _solved(G, b, free):
    x, some = _np.zeros(len(b)), _np.flatnonzero(free)
    x[some] = _np.linalg.solve(_ridged(G[_np.ix_(some, some)], SINGULAR), b[some])
    return x


def _ridged(G, part):
    return G + part * _np.diag(_np.diag(G))


def _spread(G, M, variance, free, j):
    """Standard deviation of x_j, with the other free columns"""
    some = _np.flatnonzero(free & (_np.arange(len(G)) != j))
    v = _np.zeros(len(G))
    v[some] = -_np.linalg.solve(_ridged(G[_np.ix_(some, some)], SINGULAR), G[some, j])
    v[j] = 1
    left = max(v @ G @ v, SINGULAR * G[j, j])
    return _np.sqrt(v @ M @ v) / left if M is not None else _np.sqrt(variance / left)


def poisson_fit(counts, columns, detector, scale, iterations, tolerance, x, errors, misfit, lane, lanes):
    """x >= 0 of the greatest likelihood: the least f = sum mu - y ln mu, by Newton's steps projected on what
    is allowed (Bertsekas 1982, doi:10.1137/0320018); each mu has UNEXPLAINED counts more.

    x : the start, too. It ends where the Newton decrement -g d, twice the fall of f to come, is below the
    tolerance. Errors come from the observed information H = sum y / mu^2 a a' of the columns that are not at
    0; of one at 0, the error is how far it may rise until ln L has fallen by 1/2: 1 / (g + sqrt(g^2 + h)),
    g its slope and h its curvature with the others following.
    """
    for s in range(lane, len(counts), lanes):
        A = columns.astype(_np.float64) * scale[s, detector][:, None]
        y, S = counts[s].astype(_np.float64), A.sum(0)
        if not (y >= 0).all() or not S.any():
            x[s], misfit[s] = _np.nan, _np.nan
            errors[s : s + 1] = _np.nan
            continue
        seen = scale[s, detector] > 0
        A, y = A[seen], y[seen]
        x[s], sigma = _newton(A, y, S, x[s], (iterations, tolerance))
        mu = A @ x[s] + UNEXPLAINED
        misfit[s] = 2 * (mu.sum() - y.sum() + (y * _np.log(_np.where(y > 0, y, 1) / mu)).sum())
        errors[s : s + 1] = sigma


def _newton(A, y, S, start, until):
    """(x, errors)"""
    unit = 1 / _np.where(S > 0, S, _np.inf)
    least = LEAST * unit
    x = _np.maximum(start, FIRST * (y.sum() + 1) / len(S) * unit)
    for turn in range(until[0] + 1):
        mu = A @ x + UNEXPLAINED
        g, H = S - A.T @ (y / mu), (A * (y / mu**2)[:, None]).T @ A
        free = (S > 0) & ~((x <= least) & (g > 0))
        some = _np.flatnonzero(free)
        L = _np.linalg.cholesky(_informed(H, S, y.sum())[_np.ix_(some, some)])
        d = _np.zeros(len(x))
        d[some] = -_np.linalg.solve(L.T, _np.linalg.solve(L, g[some]))
        if -g @ d < until[1] or turn == until[0]:
            break
        moved = _stepped(A, y, S, x, d, least)
        if moved is None:
            break
        x = moved
    sigma = _errors(L, H, g, S, free)
    return _np.where(free, _np.maximum(x + d * (-g @ d < until[1]), 0), 0), sigma


def _informed(H, S, total):
    return H + _np.diag(RIDGE * (_np.diag(H) + S * S / (total + 1)))


def _stepped(A, y, S, x, d, least):
    """x after a step that does not rise; None where there is none"""
    free, mu, step = d != 0, A @ x + UNEXPLAINED, 1.0
    for _ in range(TRIES):
        to = _np.where(free, _np.maximum(x + step * d, least), x)
        there = A @ to + UNEXPLAINED
        if (S - A.T @ (y / there)) @ (to - x) <= FLAT:
            return to
        if S @ (to - x) - y @ _np.log(there / mu) <= 0:
            return to
        step *= SHORTER
    return None


def _errors(L, H, g, S, free):
    some, out = _np.flatnonzero(free), _np.full(len(g), _np.nan)
    out[some] = _np.sqrt((_np.linalg.inv(L) ** 2).sum(0))
    for j in _np.flatnonzero(~free & (S > 0)):
        h = max(H[j, j] - (_np.linalg.solve(L, H[some, j]) ** 2).sum(), 0)
        out[j] = 1 / (g[j] + _np.sqrt(g[j] ** 2 + h))
    return out
