"""By how much errors of peaks are smaller than a fit has them whose bins count by themselves.

A fit with the weights W = 1 / variance has errors sqrt(diag(H^-1)), H = J^T W J, if what neighbouring bins
count is independent. They share pixels: the weights are those that are right for what is wider than a pixel
(`xrd.integrate`), and a narrow peak is known better than H tells, by diag(H^-1 J^T W C W J H^-1) with the
covariance C of the bins (sandwich estimator: Huber, Proc. 5th Berkeley Symp. 1, 221 (1967)).
"""

import numpy as np

from nanompi.device import Cpu
from nanompi.device.kernels.peaks import PARAMETERS, PSEUDO_VOIGT
from nanompi.optics.peak import profile

MIXING = 3  # place of the mixing among the parameters


def narrowed(x: np.ndarray, y: np.ndarray, counting: np.ndarray, shared: np.ndarray, shape: int):
    """(PARAMETERS,) factors of the errors of a fit, 1 where it cannot be told.

    x, y, counting : (m,) a window of the mean pattern, and the variance where it is 1; shared : (D, m)
    covariance with the bin d further on (`matrix.shared`); shape : of the peak, as `fit_peaks` has it
    """
    out = np.ones(PARAMETERS)
    known = np.isfinite(y) & np.isfinite(counting) & (counting > 0)
    if not known.all():
        return out
    p, errors, chi2 = np.empty((1, PARAMETERS)), np.empty((1, PARAMETERS)), np.empty(1)
    weight = 1 / (counting * np.maximum(y, counting))
    Cpu().kernels.fit_peaks(x, y[None], weight[None], counting[None], shape, p, errors, chi2)
    if np.isnan(chi2[0]):
        return out
    f, J = profile(x, p)
    free = [k for k in range(PARAMETERS) if k != MIXING or shape == PSEUDO_VOIGT]
    f, J = np.maximum(f[0], counting), J[0][:, free]
    H, M = J.T @ (J / (counting * f)[:, None]), np.zeros((len(free), len(free)))
    wJ = J / (counting * np.sqrt(f))[:, None]
    for d, own in enumerate(np.nan_to_num(shared[: len(x)])):
        part = wJ[: len(x) - d].T @ (own[: len(x) - d, None] * wJ[d:])
        M += part if d == 0 else part + part.T
    inverse = np.linalg.inv(H)
    out[free] = np.sqrt(np.maximum(np.diag(inverse @ M @ inverse), 0) / np.diag(inverse))
    return np.where(np.isfinite(out) & (out > 0), out, 1.0)
