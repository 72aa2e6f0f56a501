"""The step `xrf.fit`: spectra become maps of elements, with their errors."""

from threading import Lock
from typing import Literal

import numpy as np

from nanompi.data.respread import fitting
from nanompi.device.kernels.spectra_fit import least_squares, poisson_fit
from nanompi.errors import DataError
from nanompi.methods.maps.compare import keep_truth
from nanompi.methods.maps.grid import judge_rows
from nanompi.methods.maps.linear_fit import LinearFit
from nanompi.methods.maps.named import named
from nanompi.methods.maps.xrf.model import OTHERS, Model
from nanompi.methods.maps.xrf.regions import read_regions, refitted
from nanompi.run.result import Marks, Signal, result_holds
from nanompi.run.verdict import give
from nanompi.step import item, param, step, total

FEW = 0.02  # counts of a channel that weigh as much as those of any weaker one, where the search begins
OFF, WRONG = 0.15, 0.5  # parts of the counts by which the fit of the sum is off: doubtful; wrong
SHOWN = 6  # elements in the picture of the sum
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
    model: str = param("", kind="folder", help="run folder or result whose model is taken")
    regions: str = param("", help="FILE.npy or FILE.h5:/dataset with numbers of regions, 0 = of none")
    iterations: int = param(30, ge=1, help="steps of poisson at most")
    tolerance: float = param(1e-5, gt=0, lt=1, help="of ln L, at which poisson ends")

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return {"poisson": [poisson_fit], "nnls": [least_squares]}.get(self.method, [])

    def __post_init__(self):
        if self.regions:
            self.gives = self.gives | {"_regions": total("region", "detector", "channel")}

    def start(self, run, data):
        """The columns, and where the search begins; the same on all ranks. Errors: DataError."""
        model = run.team.on_root(lambda: Model.load(self.model)) if self.model else run.made["model"]
        self.used = self._columns(model, data)
        keep_truth(run, data)
        self.names, self.lost, self.lock = self.used.names, 0, Lock()
        data.coords["line"] = (self.names, "")  # for those who look while the maps are made
        columns, detector = self.used.side_by_side()
        self.places, self.parts = np.flatnonzero(self.used.good), int(detector[-1]) + 1
        free = tuple(axis for axis in data.axes if axis not in ("detector", "channel"))
        self.axes, shape = free, tuple(data.size(axis) for axis in free)
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

    @staticmethod
    def compares(path: str) -> bool:
        """Is it a result with a fit of spectra?"""
        return result_holds(path, PLACE)

    @staticmethod
    def compare(a: str, b: str, show: dict | None = None) -> dict:
        """Maps in numbers (`maps.compare`). Errors: DataError."""
        from nanompi.methods.maps.compare import compare

        return compare(a, b, show=show)

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
        parts = self.fitting.columns[here] * self.whole.amplitudes * self._sum_of_scale(strong)
        first = np.argsort(-parts.sum(0), kind="stable")[:SHOWN]
        curves = np.vstack([self.whole.spectrum[:, here], parts.T[first]])
        marks = Marks(("counts", "fit", *(self.names[j] for j in first)))
        axes = {"energy": (self.used.energies.reshape(-1)[self.places][here], "eV")}
        title = f"sum of all spectra of detector {strong}, its fit, strongest parts"
        result.pictures["sum_fit"] = Signal(curves, axes, "counts", title, "spectrum", marks=marks)

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
