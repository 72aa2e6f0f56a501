"""The step `xrd.phases`: how much of each known pattern is in each measured one."""

from pathlib import Path
from typing import Literal

import numpy as np

from nanompi.device.kernels.spectra_fit import least_squares, poisson_fit
from nanompi.errors import DataError, JobError
from nanompi.io.hdf5 import must_exist
from nanompi.methods.maps.linear_fit import LinearFit
from nanompi.methods.maps.named import named
from nanompi.methods.maps.xrd.peaks import mean_pattern
from nanompi.methods.maps.xrd.picture import radial_name
from nanompi.methods.maps.xrf.snip import snip
from nanompi.run.result import Marks, Signal
from nanompi.step import item, param, step

LEVEL = 1e-3  # part by which a background changes that is more than a constant
COVERED = 0.6  # of the bins that a reference pattern must reach
GIVES = {
    "phases": item("phase", title="integrated intensity"),
    "phases_errors": item("phase", title="standard error of counting"),
    "phases_misfit": item(title="squares by their variance, for each bin"),
}


@step("xrd.phases", each="spectrum", takes="pattern", gives=GIVES)
class Phases:
    r"""Sums of whole patterns, none below zero, with a constant and the SNIP background of the mean pattern.

    Each reference has area 1, so that an amount is the integrated intensity of its rings. Patterns are
    fitted as counts: bins weigh by what counting makes of the mean pattern.

    .. math::

        \min_{c \ge 0} \sum_b \frac{( y_b - \sum_k c_k r_{kb} - c_s s_b - c_0 )^2}{\sigma_b^2}

    r_k are the references, s is the background of the mean pattern.

    Unit: the radial axis' times counts.

    Source: nnls doi:10.1137/110821172, poisson doi:10.1137/0320018; background
    doi:10.1016/0168-583X(88)90063-8

    Example::

        - {use: xrd.phases, patterns: [ceo2.xy]}
    """

    preceded_by = ("xrd.integrate",)
    block_counts = ()
    patterns: list[str] = param(kind="file", help="text files of two columns: radial value, intensity")
    method: Literal["nnls", "poisson", "lsq"] = param(
        "nnls", help="squares with amounts >= 0, likelihood, squares"
    )
    background: bool = param(True, help="a constant and the background of the mean pattern are fitted, too")

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        fit = {"poisson": [poisson_fit], "nnls": [least_squares]}.get(self.method, [])
        return [*fit, *[snip] * self.background]

    def check(self, data):
        """Errors: DataError where a reference cannot be read."""
        for path in self.patterns:
            read_pattern(path)

    def start(self, run, data):
        """The columns, the same on all ranks (collective). Errors: JobError, DataError."""
        self.x, self.unit = np.asarray(data.coords["radial"][0], float), data.coords["radial"][1]
        self.names = [Path(path).stem for path in self.patterns]
        if len(set(self.names)) < len(self.names) or not self.names:
            raise JobError(f"{self.name}.patterns: files of different names are needed, at least one")
        self.mean = mean_pattern(run.team, data)
        counting = np.asarray(data.beside["counting"]).reshape(-1, len(self.x)).mean(0)
        self.used = np.isfinite(self.mean) & np.isfinite(counting)
        self.to_counts = 1 / counting[self.used]
        every = run.team.on_root(self._columns) * self.to_counts[:, None]
        weights = 1 / np.maximum(self.mean[self.used] * self.to_counts, 1)
        self.columns, self.model = every, LinearFit(every, weights=weights)
        run.say(f"{self.name}: {', '.join(self.names)} in {int(self.used.sum())} bins by {self.method}")

    def block(self, block, info):
        """(k, radial) -> amounts and errors (k, phase), misfit (k,)"""
        counts = np.ascontiguousarray(block[:, self.used] * self.to_counts)
        counts = np.maximum(counts, 0) if self.method == "poisson" else counts
        x, errors, misfit = self.model.fit(info.device, counts, method=self.method)
        n, rest = len(self.names), max(counts.shape[1] - self.columns.shape[1], 1)
        return {"phases": x[:, :n], "phases_errors": errors[:, :n], "phases_misfit": misfit / rest}

    def finish(self, run):
        """Maps by the names of the files, and the mean pattern with its fit."""
        if run.data["phases"].values is not None and run.data["phases_errors"].values is not None:
            named(run, "phases", [f"phase_{name}" for name in self.names], errors="phases_errors")
        from nanompi.device import Cpu

        mean = np.ascontiguousarray(self.mean[self.used] * self.to_counts)[None]
        x = self.model.fit(Cpu(), np.maximum(mean, 0), method=self.method, errors=False)[0]
        curves = np.stack([mean[0], self.columns @ x[0]]) / self.to_counts
        axes = {radial_name(self.unit): (self.x[self.used], self.unit)}
        marks = Marks(("mean pattern", "fit of the phases"), "intensity")
        title = "mean pattern and its phases"
        run.result.pictures["phases"] = Signal(curves, axes, "", title, "spectrum", marks=marks)

    def _columns(self) -> np.ndarray:
        """(bins, m) references of area 1, then the background. Errors: DataError."""
        x, out = self.x[self.used], []
        for path in self.patterns:
            own, values = read_pattern(path)
            inside = (x >= own[0]) & (x <= own[-1])
            if inside.mean() < COVERED:
                raise DataError(
                    f"{path}: it goes from {own[0]:.4g} to {own[-1]:.4g}, the patterns from {x[0]:.4g} to "
                    f"{x[-1]:.4g} "
                    f"{self.unit}; it must be in the same unit and reach {100 * COVERED:g} % of them"
                )
            column = np.where(inside, np.interp(x, own, np.maximum(values, 0)), 0)
            if not column.any():
                raise DataError(f"{path}: the pattern is 0 wherever something was measured")
            out.append(column / (column.sum() * (x[1] - x[0])))
        if self.background:
            below = snip(np.maximum(self.mean[self.used], 0), max(1, len(x) // 40))
            out += (
                [np.ones(len(x)), np.maximum(below, 0)]
                if np.ptp(below) > 1e-3 * abs(below).max()
                else [np.ones(len(x))]
            )
        return np.stack(out, 1)


def read_pattern(path: str) -> tuple[np.ndarray, np.ndarray]:
    """(x, intensity) of a text file of two columns or more, x rising. Errors: DataError."""
    must_exist(path)
    lines = Path(path).read_text(errors="replace").replace(",", " ").replace(";", " ").splitlines()
    rows = [line.split() for line in lines]
    try:
        numbers = [[float(row[0]), float(row[1])] for row in rows if len(row) > 1 and _is_number(row[0])]
    except ValueError as error:
        raise DataError(f"{path}: two columns of numbers are needed: {error}") from error
    if len(numbers) < 2:
        raise DataError(f"{path}: two columns of numbers are needed; there are {len(numbers)} rows of them")
    x, y = np.array(numbers).T
    order = np.argsort(x, kind="stable")
    return x[order], y[order]


def _is_number(text: str) -> bool:
    try:
        return np.isfinite(float(text))
    except ValueError:
        return False
