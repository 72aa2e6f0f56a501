"""Means over regions of a map are fits of the region's own sum of spectra.

Amplitudes that cannot be negative are too large on the average where there is nothing; the sum of spectra has
counts enough that it does not matter.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.device import Cpu
from nanompi.errors import DataError
from nanompi.io.hdf5 import dataset, open_hdf5, whole
from nanompi.methods.maps.linear_fit import LinearFit


@dataclass
class Region:
    """What a fit says of some points.

    amplitudes, errors : (m,), of the mean of the points; spectrum : (2, C) counts of all, and by the fit
    deviance : of the likelihood, or chi2 with the counts for variances where squares were made least
    """

    name: str
    points: int
    amplitudes: np.ndarray
    errors: np.ndarray
    deviance: float
    spectrum: np.ndarray

    @property
    def misfit(self) -> float:
        """Part of the counts of a channel by which the fit is off, rms, beyond counting noise"""
        counts, left = self.spectrum[0].sum(), self.spectrum.shape[1] - np.count_nonzero(self.amplitudes)
        return float(np.sqrt(max(self.deviance - left, 0) / max(counts, 1)))


def refitted(fit: LinearFit, name: str, points: int, spectrum, scale, method: str) -> Region:
    """The fit of a sum of spectra.

    spectrum : (C,) counts; scale : (d,) the sum over the points, so that amplitudes are their mean
    """
    counts, factor = np.asarray(spectrum, np.float64)[None], np.asarray(scale, np.float64)[None]
    x, errors, misfit = fit.fit(Cpu("double", text=""), counts, factor, method, until=(100, 1e-7))
    model = factor[0][fit.detector] * (fit.columns @ x[0])
    deviance = float(misfit[0]) if method == "poisson" else _chi2(counts[0], model)
    return Region(name, points, x[0], errors[0], deviance, np.stack([counts[0], model]))


def _chi2(counts: np.ndarray, model: np.ndarray) -> float:
    return float(((counts - model) ** 2 / np.maximum(counts, 1)).sum())


def read_regions(path: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of regions at the points of a scan, 0 = of none.

    path : FILE.npy, or FILE.h5:/dataset. Errors: DataError
    """
    file, _, place = path.partition(":")
    try:
        numbers = np.load(file) if file.endswith(".npy") else _stored(file, place)
    except (OSError, ValueError) as error:
        raise DataError(f"regions: {path} cannot be read: {error}") from error
    if numbers.shape != shape:
        sizes = [" x ".join(map(str, one)) for one in (numbers.shape, shape)]
        raise DataError(f"regions: {path} has the shape {sizes[0]}, the scan has {sizes[1]} points")
    if numbers.dtype.kind not in "biu" or numbers.min() < 0:
        raise DataError(f"regions: {path} has values of type {numbers.dtype}; regions are numbers from 0 on")
    return numbers.astype(np.int64)


def _stored(file: str, place: str) -> np.ndarray:
    if not place:
        raise DataError(f"regions: {file}: name the dataset, too, as {file}:/entry/mask")
    with open_hdf5(file) as opened:
        return whole(dataset(opened, place))
