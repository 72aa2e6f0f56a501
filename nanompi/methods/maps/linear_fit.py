"""Spectra as sums of known columns: what all fits on one set of columns share, computed once."""

from typing import Literal

import numpy as np

METHODS = Literal["poisson", "nnls", "lsq"]


class LinearFit:
    """Fits of many spectra by counts = scale * (columns @ amplitudes).

    columns  : (C, m) float64, of all detectors side by side; not negative for `poisson`
    detector : (C,) number of each channel's detector, rising; all 0 if not given
    weights  : (C,) of the squares in nnls and lsq, and of the start of poisson; 1 if not given
    counted  : the spectra are counts, and errors of nnls and lsq those of counting; else they follow from the
        misfit, all channels alike
    """

    def __init__(self, columns, detector=None, weights=None, counted: bool = True):
        self.columns = np.ascontiguousarray(columns, np.float64)
        C, m = self.columns.shape
        self.detector = np.zeros(C, np.int32) if detector is None else np.asarray(detector, np.int32)
        self.weights = np.ones(C) if weights is None else np.asarray(weights, np.float64)
        self.weighted = self.columns * self.weights[:, None]
        self.gram, third = _products(self.columns, self.weighted, self.detector)
        self.third = third if counted else np.empty((0, m, m, m))
        self._held = {}

    def fit(self, device, counts, scale=None, method: METHODS = "poisson", *, errors=True, until=(30, 1e-5)):
        """(amplitudes (k, m), errors (k, m), misfit (k,)) float64, arrays of the device.

        counts : (k, C) of the device; scale : (k, d), 1 if not given: of each detector of each spectrum
        errors : False gives (0, m) in their place
        until  : steps of poisson at most; the Newton decrement that ends them
        misfit : the deviance of poisson, the weighted sum of squares of nnls and lsq
        """
        xp, (k, m) = device.xp, (len(counts), self.columns.shape[1])
        d = self.gram.shape[0]
        scale = xp.ones((k, d)) if scale is None else device.array(np.ascontiguousarray(scale, np.float64))
        counts = xp.ascontiguousarray(counts)
        columns, detector, *least = self._on(device)
        x, misfit = xp.empty((k, m)), xp.empty(k)
        wanted = xp.empty((k if errors else 0, m))
        start = xp.empty((0, m)) if method == "poisson" else wanted
        own = (*least[:2], detector, scale, *least[2:], method == "lsq")
        device.by_rows(device.kernels.least_squares, counts, *own, x, start, misfit)
        if method == "poisson":
            own = columns, detector, scale, *until
            device.by_rows(device.kernels.poisson_fit, counts, *own, x, wanted, misfit)
        return x, wanted, misfit

    def _on(self, device):
        """What the kernels need, as arrays of the device, once"""
        if id(device) not in self._held:
            arrays = (self.detector, self.weighted, self.weights, self.gram, self.third)
            columns = device.array(self.columns.astype(device.real))
            self._held[id(device)] = (columns, *map(device.array, arrays))
        return self._held[id(device)]


def nnls(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(m,) float64, not negative, of the least |columns x - values|^2. columns : (n, m); values : (n,)

    By the NumPy text of the kernel: one fit takes as long as to hand it over.
    """
    from nanompi.device.kernels.spectra_fit import least_squares

    (n, m), x = columns.shape, np.empty((1, columns.shape[1]))
    of_one = np.ones(n), np.zeros(n, np.int32), np.ones((1, 1)), (columns.T @ columns)[None]
    none = np.empty((0, m, m, m)), False
    least_squares(values[None], columns, *of_one, *none, x, np.empty((0, m)), np.empty(1), 0, 1)
    return np.maximum(x[0], 0)


def _products(A, P, detector) -> tuple[np.ndarray, np.ndarray]:
    """gram (d, m, m) and third (d, m, m, m) of `nanompi.device.kernels.spectra_fit`"""
    m, d = A.shape[1], int(detector[-1]) + 1
    gram, third = np.empty((d, m, m)), np.empty((d, m, m, m))
    for i in range(d):
        own = detector == i
        gram[i] = A[own].T @ P[own]
        pairs = (P[own][:, :, None] * P[own][:, None, :]).reshape(-1, m * m)
        third[i] = (A[own].T @ pairs).reshape(m, m, m)
    return gram, third
