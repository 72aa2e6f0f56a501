"""The step `xrf.fit`: spectra become maps of elements, with their errors."""

from threading import Lock
from typing import Literal

import numpy as np

from nanompi.data.respread import fitting
from nanompi.device.kernels.spectra_fit import least_squares, poisson_fit
from nanompi.errors import DataError
from nanompi.methods.maps.grid import judge_rows
from nanompi.methods.maps.linear_fit import LinearFit
from nanompi.methods.maps.named import named
from nanompi.methods.maps.truth import keep_truth
from nanompi.methods.maps.xrf.model import OTHERS, Model
from nanompi.methods.maps.xrf.regions import read_regions, refitted
from nanompi.run.result import Marks, Signal
from nanompi.run.verdict import give
from nanompi.step import item, param, step, total

FEW = 0.02  # counts of a channel that weigh as much as those of any weaker one, where the search begins
NARROW = "\u00a0"  # a space at which no line is broken
OFF, WRONG = 0.15, 0.5  # parts of the counts by which the fit of the sum is off: doubtful; wrong
SHOWN = 12  # elements with a curve of their own in the picture of the sum
PLACE = "xrf_regions"  # of the means of regions in a result, below /entry_1


@step(
    "xrf.fit",
    gives={"_lines": item("line"), "_lines_errors": item("line"), "deviance": item()},
    each="spectrum",
    gpu=True,
)
class Fit:
    r"""Counts of each element at each point, with errors: Poisson's likelihood, detectors fitted together.

    Each spectrum is scale * (columns @ amplitudes), the scale of dead time and monitor. Amplitudes cannot be
    negative (but for lsq): where an element is absent they are too large on the average, so that the mean of
    a region is a fit of its sum of spectra, not a mean of the map.

    .. math::

        \max_{a \ge 0} \sum_{c} ( y_c \ln \mu_c - \mu_c ), \qquad \mu_c = s \sum_k a_k m_{kc}

    y are the counts of the channels c, m_k the columns of the model, s is the scale of dead time and
    monitor.

    Errors are standard deviations of counting alone. Of poisson they come from the curvature of the
    likelihood at its maximum, and that of an element at 0 is how far it may rise until ln L has fallen by
    1/2; of nnls and lsq from the counts that the fit expects. What is wrong with the columns (a line that
    is missing, tails, the background) is not in them; `deviance` shows it: twice the fall of ln L from
    mu = y, summed over the channels of all detectors, of nnls and lsq the sum of squares.

    Limits: 1.96 errors hold the true amplitude in 92 to 97 % from ten counts of an element on, in less where
    amplitudes come to 0. Two elements whose lines coincide have large errors, and no fit parts them. Points
    that were not measured, and spectra with a count that is the largest of its type, are NaN.

    Unit: counts at full live part and mean monitor.

    Source: doi:10.1137/0320018, nnls doi:10.1137/110821172

    Example::

        - {use: xrf.fit, method: nnls}
    """

    preceded_by = ("xrf.prepare", "xrf.calibrate")
    block_counts = ("lost",)
    instead_of = {"model": "xrf.calibrate"}

    method: Literal["poisson", "nnls", "lsq"] = param(
        "poisson",
        level="basic",
        help="nnls: least squares, for a quick look; lsq: signed, unbiased where there is nothing",
    )
    background: Literal["column", "none"] = param(
        "column", help="the model's, SNIP of the sum of all spectra; none leaves it out"
    )
    model: str = param("", kind="file", help="run folder or result whose model is taken")
    regions: str = param(
        "", kind="dataset", help="FILE.npy or FILE.h5:/dataset with numbers of regions, 0 = of none"
    )
    iterations: int = param(30, ge=1, help="steps of poisson at most")
    tolerance: float = param(1e-5, gt=0, lt=1, help="of ln L, at which poisson ends")

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return {"poisson": [poisson_fit], "nnls": [least_squares]}.get(self.method, [])

    def __post_init__(self):
        if self.regions:
            self.gives = self.gives | {"_regions": total("region", "detector", "channel")}

    def check(self, data):
        """Errors: DataError where a model or regions cannot be read, or are of another shape."""
        if self.model:
            self._columns(Model.load(self.model), data)
        if self.regions and "channel" in data.axes:
            read_regions(self.regions, self._points(data)[1])

    def maps_after(self, data, known: list[str]) -> list[str] | None:
        """Those of `xrf.calibrate`'s elements, and the rest; None with a model of another run."""
        return None if self.model else [*known, *OTHERS, "deviance"]

    @staticmethod
    def _points(data) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """(axes, shape) of the scan"""
        free = tuple(axis for axis in data.axes if axis not in ("detector", "channel"))
        return free, tuple(data.size(axis) for axis in free)

    def start(self, run, data):
        """The columns, and where the search begins; the same on all ranks. Errors: DataError."""
        model = run.team.on_root(lambda: Model.load(self.model)) if self.model else run.made["model"]
        self.used = self._columns(model, data)
        keep_truth(run, data.beside.get("truth", {}))
        self.names, self.lost, self.lock = self.used.names, 0, Lock()
        data.coords["line"] = (self.names, "")  # for those who look while the maps are made
        columns, detector = self.used.side_by_side()
        self.places, self.parts = np.flatnonzero(self.used.good), int(detector[-1]) + 1
        self.axes, shape = self._points(data)
        absent = np.asarray(data.per_row.get("absent", np.zeros(shape, bool)), bool)
        scale = np.asarray(data.beside.get("scale", np.ones((*shape, self.parts))))[..., : self.parts]
        self.scale = np.where(absent[..., None] | ~np.isfinite(scale), 0, scale)
        if self.regions:
            numbers = run.team.on_root(lambda: read_regions(self.regions, shape))
            self.numbers = numbers * (self.scale > 0).any(-1)
            self.each_region = np.arange(1, numbers.max(initial=0) + 1)
        self.whole = run.team.on_root(lambda: self._of_sum(run, columns, detector))
        mean = self.whole.spectrum[1] / max(self.whole.points, 1)
        self.fitting = LinearFit(columns, detector, 1 / (mean + FEW) if self.method == "poisson" else None)

    def _columns(self, model: Model, data) -> Model:
        if self.background == "none":
            model = model.without("background")
        seen = data.size("detector") if "detector" in data.axes else 1, data.size("channel")
        if model.good.shape != seen:
            sizes = [f"{d} detectors of {n} channels" for d, n in (model.good.shape, seen)]
            raise DataError(f"{self.name}: the model is for {sizes[0]}, the data have {sizes[1]}")
        return model

    def _of_sum(self, run, columns, detector):
        """The fit of the sum of all spectra, on rank 0"""
        spectrum = np.asarray(run.data["sum_spectrum"].values).reshape(-1)[self.places]
        scale = self.scale.reshape(-1, self.parts)
        points = int((scale > 0).any(1).sum())
        fit = LinearFit(columns, detector)
        return refitted(fit, "whole map", points, spectrum, scale.sum(0), self.method)

    def block(self, block, info):
        """(k, detector, channel) counts -> amplitudes and errors (k, line), deviance (k,)"""
        xp, device = info.xp, info.device
        counts = block.reshape(len(block), -1)[:, device.array(self.places)]
        scale = info.part(self.scale, *self.axes, "detector").reshape(len(block), self.parts)
        full = self._saturated(device, counts, info)
        until = self.iterations, self.tolerance
        scale = device.array(np.where(full[:, None], 0, scale))
        x, errors, misfit = self.fitting.fit(device, counts, scale, self.method, until=until)
        if self.method != "poisson":
            misfit = misfit * counts.shape[1] / xp.maximum(counts.sum(1, dtype=xp.float64), 1)
        made = {"_lines": x, "_lines_errors": errors, "deviance": misfit}
        return made | ({"_regions": self._in_regions(block, info)} if self.regions else {})

    def _saturated(self, device, counts, info) -> np.ndarray:
        """(k,) bool, spectra of which a count is the largest that its type holds"""
        if counts.dtype.kind not in "iu":
            return np.zeros(len(counts), bool)
        full = device.host((counts == np.iinfo(counts.dtype).max).any(1))
        if not info.again and full.any():
            with self.lock:
                self.lost += int(full.sum())
        return full

    def _in_regions(self, block, info):
        """(k, region, detector, channel), the counts where they belong"""
        numbers = info.part(self.numbers, *self.axes).reshape(-1, 1)
        own = info.device.array(numbers == self.each_region)
        return own[:, :, None, None] * block.reshape(len(block), 1, *self.used.good.shape)

    def finish(self, run):
        """Maps by name; what the sum and the regions are made of (collective)."""
        run.data["_lines"].unit = run.data["_lines_errors"].unit = "counts"
        named(run, "_lines", self.names, errors="_lines_errors")
        regions = [self.whole, *self._refits(run)]
        lost = sum(run.team.allgather(self.lost))
        if lost:
            run.team.on_root(lambda: run.warn(f"{self.name}: {lost} spectra are saturated; NaN in all maps"))
        self._write(run, regions)
        self._say(run)
        self._grade(run)
        self._judge_rows(run)

    def _refits(self, run) -> list:
        if not self.regions:
            return []
        sums, fit = run.data.pop("_regions").values, LinearFit(*self.used.side_by_side())
        out = []
        for number, counts in zip(self.each_region, np.asarray(sums)):
            scale = self.scale[self.numbers == number]
            spectrum = counts.reshape(-1)[self.places]
            own = fit, f"region {number}", len(scale), spectrum, scale.sum(0), self.method
            out.append(run.team.on_root(lambda own=own: refitted(*own)))
        return out

    def _write(self, run, regions) -> None:
        """Model, means of the regions, and the fit of the sum of the detector with most counts"""
        result, place = run.result, PLACE
        result.arrays |= self.used.arrays() if self.model else {}
        result.arrays[f"{place}/names"] = "\n".join(region.name for region in regions)
        result.arrays[f"{place}/columns"] = "\n".join(self.names)
        for name in ("points", "amplitudes", "errors", "deviance"):
            result.arrays[f"{place}/{name}"] = np.stack([getattr(region, name) for region in regions])
        detector = np.repeat(np.arange(len(self.used.good)), self.used.good.sum(1))
        strong = np.bincount(detector, self.whole.spectrum[0]).argmax()
        here = detector == strong
        curves = self.fitting.columns[here] * self.whole.amplitudes * self._sum_of_scale(strong)
        curves, names, rest = parts(curves.T, self.names)
        marks = Marks(("counts", "fit", *names))
        axes = {"energy": (self.used.energies.reshape(-1)[self.places][here] / 1e3, "keV")}
        title = f"sum of all spectra of detector {strong} and its fit"
        title += f"; others: {', '.join(rest).replace('_', NARROW)}" * bool(rest)
        data = np.vstack([self.whole.spectrum[:, here], curves])
        result.pictures["sum_fit"] = Signal(data, axes, "counts", title, "spectrum", marks=marks)

    def _sum_of_scale(self, detector: int) -> float:
        return float(self.scale[..., detector].sum())

    def _say(self, run) -> None:
        """Mean counts of a point, the strongest first"""
        whole = self.whole
        order = np.argsort(-whole.amplitudes, kind="stable")
        words = [f"{self.names[j]} {whole.amplitudes[j]:.4g} +- {whole.errors[j]:.2g}" for j in order]
        run.say(
            f"{self.name}: counts of a point, by the fit of the sum of {whole.points}: {', '.join(words)}"
        )

    def _judge_rows(self, run) -> None:
        """Does the map of the strongest element look like one of rows to and fro? (collective)"""
        lines = [j for j, name in enumerate(self.names) if name not in OTHERS]
        if self.axes == ("y", "x") and lines:
            data = run.data[self.names[max(lines, key=lambda j: self.whole.amplitudes[j])]]
            image = fitting(run.team, data, data.axes).values  # all on rank 0
            judge_rows(run, f"{self.name}, rows", image if run.team.root else None)

    def _grade(self, run) -> None:
        off = self.whole.misfit
        grade = "good" if off <= OFF else "doubtful" if off <= WRONG else "wrong"
        words = "" if off <= OFF else f"the fit of the sum of all spectra is off by {100 * off:.0f} %"
        words += "; scale of energies or energy of the beam are wrong, or an element is missing" * bool(words)
        give(run, self.name, grade, words, misfit=off, deviance=self.whole.deviance, points=self.whole.points)


def parts(curves: np.ndarray, names: list[str]) -> tuple[np.ndarray, list[str], list[str]]:
    """(curves (k, n), their names, elements that share one) in the picture of a fit: each of the strongest
    SHOWN elements, the other elements together, scatter and background together; nothing that is zero.

    curves : (m, n) counts of each column of a model; names : of these
    """
    size, is_element = curves.sum(1), np.array([name not in OTHERS for name in names])
    order = [j for j in np.argsort(-size, kind="stable") if is_element[j] and size[j] > 0]
    more = len(order) > SHOWN + 1
    own, rest = (order[:SHOWN], order[SHOWN:]) if more else (order, [])
    groups = [([j], names[j]) for j in own]
    groups += [(rest, f"{len(rest)} others")] * bool(rest)
    below = [j for j in np.flatnonzero(~is_element) if size[j] > 0]
    groups += [(below, "scatter, background")] * bool(below)
    sums = np.array([curves[some].sum(0) for some, _ in groups]).reshape(-1, curves.shape[1])
    return sums, [name for _, name in groups], [names[j] for j in rest]
