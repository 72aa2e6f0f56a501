"""The step `xrd.strain`: how far the planes of each peak are apart, against a reference."""

import numpy as np

from nanompi.data.data import Data
from nanompi.data.respread import fitting
from nanompi.errors import DataError, JobError
from nanompi.methods.maps.named import named
from nanompi.methods.maps.xrd.results import giving, in_memory
from nanompi.methods.maps.xrd.texture import sector_means
from nanompi.step import param, section, step

POSITION = 1  # among the parameters of a peak
LEAST = 3  # sectors with a peak that tell a strain tensor
TENSOR = ("strain_xx", "strain_yy", "strain_xy")


@section
class Reference:
    """Planes without strain, of a cubic lattice."""

    a: float | None = param(
        None, unit="m", bare="A", gt=0, help="edge of the cell; else the median of the map"
    )
    hkl: list[list[int]] = param([], help="[h, k, l] of each peak, in the order of the windows")


@step("xrd.strain", needs=("peaks", "peaks_errors"))
class Strain:
    r"""Strain e = (d - d0) / d0 of each peak, and its mean over the peaks weighed by their errors.

    d by Bragg's law from the place of the peak; d0 from `reference`, or the median over the map: what
    differs then is the change over the map. Of sectors: e_xx cos^2 chi + e_yy sin^2 chi + e_xy sin 2chi
    is fitted to all peaks, chi the azimuth on the detector, x along its columns; errors are those of
    counting.

    .. math::

        \varepsilon = \frac{d - d_0}{d_0}, \quad d = \frac{\lambda}{2 \sin\theta}, \qquad
        \varepsilon(\chi) = \varepsilon_{xx} \cos^2\chi + \varepsilon_{yy} \sin^2\chi
        + \varepsilon_{xy} \sin 2\chi

    Unit: none (1e-3 is 0.1 %).

    Source: no paper; Bragg's law.

    Example::

        - xrd.peaks
        - {use: xrd.strain, reference: {a: 5.4115 A, hkl: [[1, 1, 1], [2, 0, 0]]}}
    """

    preceded_by = ("xrd.peaks",)
    reference: Reference = param(Reference(), level="basic", help="planes without strain")

    def run(self, run):
        """Maps of strain. Errors: DataError, JobError."""
        peaks, errors = (in_memory(run.team, run.data[name]) for name in ("peaks", "peaks_errors"))
        if "xrd" not in run.made:
            raise DataError(
                f"{self.name}: it is not known how the patterns were made; let xrd.integrate make them"
            )
        geometry, bounds = run.made["xrd"]
        place, error = peaks.values[..., POSITION], errors.values[..., POSITION]
        with np.errstate(divide="ignore", invalid="ignore"):
            d = geometry.spacing(place, bounds.unit)
            off = abs(geometry.spacing(place + error, bounds.unit) - d)
        rest = self._rest(run, peaks, d)
        strain, error = d / rest - 1, off / rest
        run.say(
            f"{self.name}: planes without strain {', '.join(f'{v * 1e10:.5f}' for v in rest)} A "
            f"({self._source()})"
        )
        if "azimuth" in peaks.axes:
            return self._tensor(run, peaks, strain, error)
        for key, values in (("strains", strain), ("strains_errors", error)):
            giving(run, key, values, peaks, peaks.axes[:-1], "", "strain")
        names = [f"strain_{name}" for name in self._names(peaks)]
        named(run, "strains", names, errors="strains_errors")
        mean, off = _weighed(strain, error)
        giving(run, "strain", mean, peaks, peaks.axes[:-2], "", "mean strain of the peaks")
        giving(run, "strain_errors", off, peaks, peaks.axes[:-2], "", "its standard error")

    def check_behind(self, before):
        """JobError where the planes of the reference are not as many as the windows of the peaks."""
        windows = [step.windows for step in before if step.name == "xrd.peaks"][-1:]
        if windows and windows[0] and self.reference.a and len(self.reference.hkl) != len(windows[0]):
            raise JobError(
                f"reference.hkl: {len(self.reference.hkl)} planes for {len(windows[0])} windows of peaks; "
                "one [h, k, l] is needed for each"
            )

    def _names(self, peaks: Data) -> list[str]:
        """Of the peaks: their planes where these are known, 111, else as `xrd.peaks` calls them"""
        planes = ["".join(map(str, hkl)) for hkl in self.reference.hkl] if self.reference.a else []
        return planes if planes and len(set(planes)) == len(planes) else list(peaks.coords["peak"][0])

    def _source(self) -> str:
        return "reference" if self.reference.a else "medians over the map"

    def _rest(self, run, peaks: Data, d: np.ndarray) -> np.ndarray:
        """(peaks,) m, planes without strain (collective). Errors: JobError, DataError."""
        own = self.reference
        if own.a:
            if len(own.hkl) != d.shape[-1] or any(len(hkl) != 3 for hkl in own.hkl):
                raise JobError(
                    f"{self.name}.reference.hkl: one [h, k, l] is needed for each of {d.shape[-1]} peaks"
                )
            return own.a / np.sqrt([sum(n * n for n in hkl) for hkl in own.hkl])
        every = peaks.holding(d, peaks.spread, peaks.parts)
        every.axes = peaks.axes[:-1]
        every = fitting(run.team, every, every.axes)

        def medians():
            with np.errstate(all="ignore"):
                return np.nanmedian(every.values.reshape(-1, d.shape[-1]), axis=0)

        rest = run.team.on_root(medians)
        if not np.isfinite(rest).all():
            k = peaks.coords["peak"][0][int(np.flatnonzero(~np.isfinite(rest))[0])]
            raise DataError(f"{self.name}: peak {k} was fitted nowhere; take its window out of xrd.peaks")
        return rest

    def _tensor(self, run, peaks: Data, strain: np.ndarray, error: np.ndarray) -> None:
        """Strains in the plane of the detector, of all peaks and sectors together"""
        chi = np.deg2rad(np.asarray(peaks.coords["azimuth"][0]))
        cos, sin = sector_means(chi)
        columns = np.stack([(1 + cos) / 2, (1 - cos) / 2, sin], -1)
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(np.isfinite(strain) & (error > 0), 1 / error**2, 0)
        values = np.where(weight > 0, strain, 0)
        normal = np.einsum("...cp,ci,cj->...ij", weight, columns, columns)
        right = np.einsum("...cp,ci->...i", weight * values, columns)
        told = (weight > 0).any(-1).sum(-1) >= LEAST
        inverse = np.linalg.pinv(normal, hermitian=True)
        tensor = np.where(told[..., None], np.einsum("...ij,...j->...i", inverse, right), np.nan)
        off = np.where(told[..., None], np.sqrt(np.diagonal(inverse, axis1=-2, axis2=-1)), np.nan)
        axes = (*peaks.axes[:-3], "component")
        giving(run, "tensor", tensor, peaks, axes, "", "strain")
        giving(run, "tensor_errors", off, peaks, axes, "", "strain")
        named(run, "tensor", list(TENSOR), errors="tensor_errors")


def _weighed(strain: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the last axis with its error; NaN where nothing was fitted."""
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(np.isfinite(strain) & (error > 0), 1 / error**2, 0)
        total = weight.sum(-1)
        mean = np.where(weight > 0, weight * strain, 0).sum(-1) / total
        return np.where(total > 0, mean, np.nan), np.where(total > 0, 1 / np.sqrt(total), np.nan)
