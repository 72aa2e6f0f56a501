"""Many small systems of equations with one matrix, of which each uses columns of its own."""

import numpy as np

ABREAST = 1024  # systems whose factors a cache holds


def solved(matrix: np.ndarray, right: np.ndarray, used: np.ndarray) -> np.ndarray:
    """(k, m) x of matrix @ x = right in the columns and rows in use, 0 in the others, by Cholesky.

    matrix : (m, m) positive definite; right : (k, m); used : (k, m) bool. Each number of a factor is an array
    over all systems, so that a system has the same bits wherever it stands.
    """
    pieces = range(0, len(right), ABREAST)
    out = [_solved(matrix, right[i : i + ABREAST], used[i : i + ABREAST]) for i in pieces]
    return np.concatenate(out) if out else np.zeros_like(right)


def _solved(matrix, right, used):
    own = used.T.astype(right.dtype)
    L, inverse = _factors(matrix, own)
    x = list(right.T * own)
    for i in range(len(x)):
        for q in range(i):
            x[i] -= L[i][q] * x[q]
        x[i] *= inverse[i]
    for i in reversed(range(len(x))):
        for q in range(i + 1, len(x)):
            x[i] -= L[q][i] * x[q]
        x[i] *= inverse[i]
    return np.stack(x, 1)


def _factors(matrix, own) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
    """L of L L' = the matrix (of columns out of use: 1 on the diagonal) without its diagonal; 1 over that"""
    L, inverse = [], []
    for i in range(len(matrix)):
        L.append([])
        for j in range(i + 1):
            left = matrix[i, j] * own[i] * own[j] if j < i else matrix[i, i] * own[i] + (1 - own[i])
            for q in range(j):
                left -= L[i][q] * L[j][q]
            L[i].append(left * inverse[j] if j < i else left)
        inverse.append(1 / np.sqrt(L[i].pop()))
    return L, inverse
