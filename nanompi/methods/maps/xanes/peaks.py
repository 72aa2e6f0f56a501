"""The step `xanes.peaks`: peaks of absorption spectra, such as those before the edge, as in `xrd.peaks`."""

from threading import Lock

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.maps.xrd.peaks import PARAMETERS, SHAPES, Peaks, named_peaks
from nanompi.methods.maps.xrd.windows import FEWEST, windows
from nanompi.step import item, param, step, total

GIVES = {
    "peaks": item("peak", "parameter"),
    "peaks_errors": item("peak", "parameter"),
    "peaks_chi2": item("peak", title="variance of what the peaks leave"),
    "_peaks_sum": total("energy"),
    "_peaks_pixels": total(),
}


@step("xanes.peaks", each="spectrum", gpu=True, gives=GIVES)
class SpectrumPeaks(Peaks):
    r"""Pseudo-Voigt peaks on a straight line in windows of each spectrum, each fitted by itself.

    All energies count alike; errors follow from what a fit leaves. A fit that does not converge, or runs out
    of its window, is NaN and counted.

    .. math::

        y(E) = A ( \eta L(E) + (1 - \eta) G(E) ) + m E + b

    L and G are a Lorentzian and a Gaussian of area 1 and the same width.

    Unit: eV; areas in eV times the unit of the spectra.

    Source: no paper; least squares by Levenberg and Marquardt.

    Example::

        - {use: xanes.peaks, windows: [[7110, 7116]]}
    """

    preceded_by = ("xanes.normalise",)

    windows: list[list[float]] = param(help="[low, high] about each peak, eV: [[7110, 7116]]")
    names: list[str] = param(
        [], help="of the peaks, in the order of the windows; else the middle of each window, 7113.000eV"
    )

    def check(self, data):
        """JobError for windows that hold too few of the energies."""
        if "energy" in data.coords:
            e = np.unique(np.asarray(data.coords["energy"][0], float))
            windows(self.windows, e, e, self.name)

    def start(self, run, data):
        """Windows, the same on all ranks. Errors: DataError, JobError."""
        if "energy" not in data.coords:
            raise DataError(f"{self.name}: the data have no energies")
        self.x, self.unit = np.asarray(data.coords["energy"][0], float), "eV"
        self.runs = windows(self.windows, self.x, self.x, self.name)
        middles = [(self.x[one][0] + self.x[one][-1]) / 2 for one in self.runs]
        self.titles = named_peaks(self.names, middles, "{}eV", self.name)
        self.lost, self.fits, self.lock = 0, 0, Lock()

    def block(self, block, info):
        """(k, energy) -> parameters and errors (k, peak, parameter) float64, chi2 (k, peak)."""
        xp, k = info.xp, len(block)
        p, errors = (xp.empty((k, len(self.runs), len(PARAMETERS))) for _ in range(2))
        chi2, whole = xp.empty((k, len(self.runs))), xp.isfinite(block).all(1)
        for n, run in enumerate(self.runs):
            p[:, n], errors[:, n], chi2[:, n] = self._alike(info, block[:, run], self.x[run])
        if not info.again:
            with self.lock:
                self.lost += int(xp.isnan(chi2[whole]).sum())
                self.fits += int(whole.sum()) * len(self.runs)
        out = {"peaks": p, "peaks_errors": errors, "peaks_chi2": chi2}
        return out | {"_peaks_sum": xp.where(whole[:, None], block, 0), "_peaks_pixels": whole.astype(int)}

    def _alike(self, info, block, x):
        """One window: (p, errors, chi2); errors on the scale of what is left"""
        xp = info.xp
        y = block.astype(xp.float64)
        measured = xp.isfinite(y)
        y, weight = xp.ascontiguousarray(xp.where(measured, y, 0)), measured.astype(xp.float64)
        p, errors, chi2 = xp.empty((len(y), 6)), xp.empty((len(y), 6)), xp.empty(len(y))
        counting = xp.zeros_like(y)
        info.kernels.fit_peaks(info.device.array(x), y, weight, counting, SHAPES[self.shape], p, errors, chi2)
        few = measured.sum(1) < FEWEST
        p[few], errors[few], chi2[few] = xp.nan, xp.nan, xp.nan
        return p, errors * xp.sqrt(chi2)[:, None], chi2

    def finish(self, run):
        """Maps by name, and how many fits have failed (collective)."""
        sum_, pixels = (run.data.pop(f"_peaks_{name}").values for name in ("sum", "pixels"))
        self.mean = sum_ / max(1, int(pixels))
        super().finish(run)
        run.result.pictures["peak_windows"] = run.result.pictures.pop("patterns")
