"""The step `xrd.peaks`: peaks of each pattern with area, place, width and their errors."""

from threading import Lock
from typing import Literal

import numpy as np

from nanompi.data.data import Data
from nanompi.data.exact import ExactSum
from nanompi.device.kernels.peaks import GAUSS, LORENTZ, PSEUDO_VOIGT
from nanompi.errors import JobError
from nanompi.methods.maps.named import named
from nanompi.methods.maps.xrd.narrow import narrowed
from nanompi.methods.maps.xrd.picture import radial_name, with_rings
from nanompi.methods.maps.xrd.windows import FEWEST, windows
from nanompi.run.result import Marks, Signal
from nanompi.run.verdict import give
from nanompi.step import item, param, step

SHAPES = {"pseudo-voigt": PSEUDO_VOIGT, "gauss": GAUSS, "lorentz": LORENTZ}
PARAMETERS = ("area", "position", "width", "mixing", "base", "slope")
MAPS = PARAMETERS[:3]  # that become maps of their own
ODD = 3.0  # chi2 from which on more is said
MOST_LOST = 0.2  # part of the peaks without a fit: the result is doubtful


@step(
    "xrd.peaks",
    each="spectrum",
    takes="pattern",
    gpu=True,
    gives={
        "peaks": item("peak", "parameter"),
        "peaks_errors": item("peak", "parameter"),
        "peaks_chi2": item("peak"),
    },
)
class Peaks:
    r"""Pseudo-Voigt peaks on a straight line, fitted in each pattern and sector by themselves.

    Least squares with the weights of counting, twice: the second time with those of the first model, so
    that low counts do not pull. Errors are those of counting, with what neighbouring bins share of their
    pixels, as wide as the peaks are in the mean pattern. A fit that does not converge, or runs out of its
    window, is NaN and counted. chi2 is 1 where counting is all that a pattern scatters by.

    .. math::

        y(x) = A ( \eta L(x) + (1 - \eta) G(x) ) + m x + b

    L and G are a Lorentzian and a Gaussian of area 1 and the same width, eta is `mixing`.

    Unit: the radial axis' for place and width, times counts for areas.

    Source: no paper; least squares by Levenberg and Marquardt.

    Example::

        - {use: xrd.peaks, windows: [[8.2, 8.9], [13.4, 14.2]]}
    """

    preceded_by = ("xrd.integrate",)
    block_counts = ("lost", "fits")

    windows: list[list[float]] = param(
        [],
        level="basic",
        help="[low, high] about each peak, in the unit of the pattern; found if not given",
    )
    shape: Literal["pseudo-voigt", "gauss", "lorentz"] = param("pseudo-voigt", help="of the peaks")
    names: list[str] = param(
        [],
        help="of the peaks, in the order of the windows: [CeO2_111, CeO2_200]; else their spacing, d3.124A",
    )

    def start(self, run, data):
        """Windows, the same on all ranks (collective). Errors: JobError, DataError."""
        self.x, self.unit = np.asarray(data.coords["radial"][0], float), data.coords["radial"][1]
        self.mean = mean_pattern(run.team, data)
        self.runs = run.team.on_root(lambda: windows(self.windows, self.x, self.mean, self.name))
        self.factors = run.team.on_root(lambda: [self._narrowed(data, one) for one in self.runs])
        self.lost, self.fits, self.lock = 0, 0, Lock()
        self.titles = named_peaks(self.names, *self._places(run), self.name)
        ends = ", ".join(
            f"{self.x[s.start]:.4g} to {self.x[s.stop - 1]:.4g} ({title})"
            for s, title in zip(self.runs, self.titles)
        )
        run.say(f"{self.name}: {len(self.runs)} peaks in {ends} {self.unit}")

    def _places(self, run) -> tuple[list[float], str]:
        """Where the peaks of the mean pattern stand, and a form for them: spacings of planes in A where the
        wavelength is known, else in the unit of the pattern"""
        tops = np.array([self.x[one][np.nanargmax(self.mean[one])] for one in self.runs])
        if "xrd" in run.made:
            geometry, bounds = run.made["xrd"]
            if geometry.wavelength:
                return list(geometry.spacing(tops, bounds.unit) * 1e10), "d{}A"
        return list(tops), "{}" + (self.unit if self.unit.isalpha() else "")

    def block(self, block, info):
        """(k, radial) -> parameters and errors (k, peak, parameter) float64, chi2 (k, peak)."""
        xp, k = info.xp, len(block)
        counting, overlap = (self._along(info, name) for name in ("counting", "overlap"))
        p, errors = (xp.empty((k, len(self.runs), len(PARAMETERS))) for _ in range(2))
        chi2 = xp.empty((k, len(self.runs)))
        for n, run in enumerate(self.runs):
            p[:, n], errors[:, n], chi2[:, n] = self._fitted(info, block, run, counting[:, run])
            errors[:, n] *= info.device.array(self.factors[n])
            chi2[:, n] /= overlap[:, run].mean(1)
        if not info.again:
            with self.lock:
                self.lost += int(xp.isnan(chi2).sum())
                self.fits += chi2.size
        return {"peaks": p, "peaks_errors": errors, "peaks_chi2": chi2}

    def finish(self, run):
        """Maps by name, and how many fits have failed (collective)."""
        lost, fits = run.team.total(float(self.lost), float(self.fits))
        run.say(
            f"{self.name}: {int(fits - lost)} of {int(fits)} peaks fitted, {int(lost)} did not converge (NaN)"
        )
        self._shapes(run)
        if lost > MOST_LOST * max(fits, 1):
            words = f"{100 * lost / fits:.0f} % of the peaks could not be fitted; are the windows right?"
            give(run, self.name, "doubtful", words, lost=float(lost / fits))
        names = self.titles
        for key in ("peaks", "peaks_errors", "peaks_chi2"):
            data = run.data[key]
            data.coords = data.coords | {"peak": (names, ""), "parameter": (list(PARAMETERS), "")}
            data.coords = {axis: known for axis, known in data.coords.items() if axis in data.axes}
        if "azimuth" not in run.data["peaks"].axes:
            self._maps(run, names)
        run.result.pictures["patterns"] = self._picture()
        if "xrd" in run.made:
            geometry, bounds = run.made["xrd"]
            tops = [self.x[one][np.nanargmax(self.mean[one])] for one in self.runs]
            frame = run.team.root and with_rings(run.data["data"], geometry, bounds.unit, tops)
            run.result.pictures |= {"rings": frame} if frame else {}

    def _shapes(self, run) -> None:
        """Say where peaks have another shape than is fitted (collective)."""
        total, many = ExactSum(), ExactSum()
        for _, values in run.data["peaks_chi2"].slabs(run.team.rank):
            good = np.isfinite(values).ravel()
            total.add(np.where(good, values.ravel(), 0))
            many.add(good)
        chi2, n = total.total(run.team), many.total(run.team)
        if n and chi2 / n > ODD:
            run.say(
                f"{self.name}: chi2 is {chi2 / n:.3g} on the mean: the peaks have another shape than is "
                "fitted; errors are those of counting alone"
            )

    def _narrowed(self, data: Data, run: slice) -> np.ndarray:
        """(parameter,) what the errors of a window are multiplied by, where neighbouring bins share pixels"""
        shared = data.beside.get("shared")
        if shared is None:
            return np.ones(len(PARAMETERS))
        counting = data.beside["counting"].reshape(-1, len(self.x))
        counting = np.where(np.isfinite(counting), counting, 0).sum(0) / np.isfinite(counting).sum(0)
        own = self.x[run], self.mean[run], counting[run], shared[:, run], SHAPES[self.shape]
        return narrowed(*own)

    def _fitted(self, info, block, run: slice, counting):
        """One window of all patterns: (p, errors, chi2)"""
        xp, x = info.xp, info.device.array(self.x[run])
        y = block[:, run].astype(xp.float64)
        measured = xp.isfinite(y) & xp.isfinite(counting)
        y, counting = xp.where(measured, y, 0), xp.where(measured, counting, 0)
        weight = xp.where(measured, 1 / xp.where(measured, counting * xp.maximum(y, counting), 1), 0)
        p, errors, chi2 = xp.empty((len(y), 6)), xp.empty((len(y), 6)), xp.empty(len(y))
        info.kernels.fit_peaks(x, y, weight, counting, SHAPES[self.shape], p, errors, chi2)
        few = measured.sum(1) < FEWEST
        p[few], errors[few], chi2[few] = xp.nan, xp.nan, xp.nan
        return p, errors, chi2

    def _along(self, info, name: str):
        """What is beside the pattern for each item of a block: (k, radial)"""
        values = info.data.beside[name]
        values = values[info.places["azimuth"]] if "azimuth" in info.places else values[None]
        return info.device.array(
            np.ascontiguousarray(np.broadcast_to(values, (len(info.index), len(self.x))))
        )

    def _maps(self, run, names: list[str]) -> None:
        """run.data["peak_d3.124A_area"] ... with errors; nothing where they lie in a file"""
        if any(run.data[key].values is None for key in ("peaks", "peaks_errors")):
            return
        for k, parameter in enumerate(MAPS):
            unit = ("", self.unit, self.unit)[k]
            for key, mark in (("peaks", ""), ("peaks_errors", "_errors")):
                data = run.data[key]
                run.data[parameter + mark] = one = data.holding(data.values[..., k], data.spread, data.parts)
                one.axes = data.axes[:-1]
            maps = [f"peak_{name}_{parameter}" for name in names]
            named(run, parameter, maps, unit=unit, errors=f"{parameter}_errors")
        run.result.apart["peaks"] = tuple(f"peak_{name}_{parameter}" for name in names for parameter in MAPS)

    def _picture(self) -> Signal:
        """The mean pattern, and its windows as steps below it."""
        marks = np.full(len(self.x), np.nan)
        low = np.nanmin(self.mean)
        for one in self.runs:
            marks[one] = low
        axes = {radial_name(self.unit): (self.x, self.unit)}
        both, names = np.stack([self.mean, marks]), Marks(("mean pattern", "fitted here"), "intensity")
        return Signal(both, axes, "", "mean pattern, and where peaks are fitted", "curve", marks=names)


def named_peaks(given: list[str], places: list[float], form: str, step: str) -> list[str]:
    """Names of peaks: as given, or `form` of their places, with as many digits as tell them apart.

    Errors: JobError for another number of names, or such as no file can have.
    """
    if given:
        if len(given) != len(places):
            raise JobError(
                f"{step}.names: {len(given)} names for {len(places)} peaks; one is needed for each"
            )
        bad = [one for one in given if not one.replace("_", "").replace("-", "").isalnum()]
        if bad or len(set(given)) < len(given):
            raise JobError(
                f"{step}.names: {', '.join(bad) or 'two are the same'}; letters, digits, _ and - are "
                "allowed, each name once"
            )
        return given
    for digits in range(3, 9):
        names = [form.format(f"{place:.{digits}f}") for place in places]
        if len(set(names)) == len(names):
            return names
    return [f"{name}_{k + 1}" for k, name in enumerate(names)]


def mean_pattern(team, data: Data) -> np.ndarray:
    """(radial,) mean of all patterns and sectors, without NaN; the same bits on any number of ranks
    (collective)."""
    total, many = ExactSum(), ExactSum()
    for _, values in data.slabs(team.rank):
        flat = values.reshape(-1, values.shape[-1])
        total.add(np.nan_to_num(flat))
        many.add(np.isfinite(flat))
    sums, counts = total.total(team), many.total(team)
    with np.errstate(invalid="ignore"):
        return sums / np.where(counts > 0, counts, np.nan)
