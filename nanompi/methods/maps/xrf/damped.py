"""The least sum of squares of few parameters, each between 0 and 1: Gauss and Newton's steps, damped.

SciPy has it, too, in a package that takes 22 MB of each rank and a second to load.
"""

from collections.abc import Callable

import numpy as np

STEP = 1e-4  # of the range of a parameter, for its derivative
DAMPED = 1e-3  # of the diagonal, at first
MORE, LESS = 10.0, 3.0  # times, after a step that fails, and after one that does not
HARDEST = 1e9


def least_squares(residuals: Callable, start: np.ndarray, most: int = 40, flat: float = 1e-5) -> np.ndarray:
    """(m,) parameters with the least sum of squares near `start`, (m,) of 0 ... 1.

    residuals : gives (n,) of (m,); most : steps; flat : part of the sum by which a last step makes it less
    Steps solve (A'A + d diag A'A) x = -A'r (Marquardt 1963, doi:10.1137/0111030). A parameter at an end stays
    there as long as the sum falls beyond it.
    """
    u, damping = np.clip(start, 0.0, 1.0), DAMPED
    r = residuals(u)
    for _ in range(most):
        A = _derivatives(residuals, u, r)
        before = float(r @ r)
        while damping < HARDEST:
            tried = _step(u, A, r, damping)
            new = residuals(tried)
            if new @ new < before:
                break
            damping *= MORE
        else:
            return u
        u, r, damping = tried, new, damping / LESS
        if before - float(r @ r) < flat * before:
            break
    return u


def _derivatives(residuals: Callable, u: np.ndarray, r: np.ndarray) -> np.ndarray:
    """(n, m), with steps that stay inside"""
    steps = np.where(u + STEP > 1, -STEP, STEP)
    return np.stack([(residuals(u + e) - r) / e.sum() for e in np.diag(steps)], 1)


def _step(u: np.ndarray, A: np.ndarray, r: np.ndarray, damping: float) -> np.ndarray:
    """(m,) where a step leads, of the parameters that it takes no further beyond their ends"""
    slope, information = A.T @ r, A.T @ A
    free = ~((u <= 0) & (slope > 0) | (u >= 1) & (slope < 0)) & (np.diag(information) > 0)
    own = information[np.ix_(free, free)]
    out = u.copy()
    out[free] -= np.linalg.solve(own + damping * np.diag(np.diag(own)), slope[free])
    return np.clip(out, 0.0, 1.0)
