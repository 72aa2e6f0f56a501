"""The step `xanes.normalise`: spectra between 0 before the edge and 1 behind it, and maps of the edge."""

from typing import Literal

import numpy as np

from nanompi.errors import DataError, JobError
from nanompi.methods.maps.xanes.edge import Edge, Ranges, crossing, edge_numbers
from nanompi.run.result import Marks, Signal
from nanompi.run.verdict import give
from nanompi.step import item, param, step, total

MOST_LOST = 0.1  # of a spectrum without values: these are interpolated, with more it is left out
SIGMAS = 3.0  # of its error: the least edge step
MANY = 0.9  # of the pixels without an edge: more are a doubt

GIVES = {
    "data": item("energy", title="normalised absorption"),
    "edge_step": item(unit="1", title="edge step"),
    "edge_step_errors": item(unit="1", title="edge step, standard error"),
    "e0": item(unit="eV", title="steepest rise"),
    "edge_energy": item(unit="eV", title="energy at half of the edge step"),
    "_edge_pixels": total(),
    "_edge_with_edge": total(),
    "_edge_sum": total("energy"),
}


@step("xanes.normalise", each="spectrum", gives=GIVES)
class Normalise:
    r"""Each spectrum less a line before its edge, over its edge step: the numbers of larch.xafs.pre_edge.

    `edge_energy` is where it rises through 0.5. Pixels whose edge step is no larger than `min_step` have no
    edge: NaN, counted and told.

    .. math::

        \mu_n(E) = \frac{\mu(E) - l(E)}{q(E_0) - l(E_0)}

    l is the line before the edge E_0, q the polynomial behind it.

    Unit: none; energies in eV.

    Source: doi:10.1088/1742-6596/430/1/012007

    Example::

        - {use: xanes.normalise, e0: 7112, pre: [-50, -15]}
    """

    preceded_by = ("xanes.absorbance",)
    block_counts = ()
    lanes = 2048  # what is made of them in double precision stays in a cache
    explains = {"without_edge": "part of the pixels that have no edge", "e0_eV": "edge energy of the sum"}

    e0: float | Literal["auto"] = param(
        "auto", gt=0, level="basic", help="edge energy, eV; auto = the steepest rise of each spectrum"
    )
    pre: list[float] | None = param(None, help="range of the line before the edge, eV from it: [-50, -15]")
    before: Literal["line", "constant"] = param(
        "line", help="what stands before the edge; a line needs a long range: behind the edge its errors grow"
    )
    post: list[float] | None = param(None, help="range of the polynomial behind the edge, eV from it")
    order: int | None = param(
        None, ge=0, le=5, help="of that polynomial; else 0, 1, 2 for ranges up to 30 eV, 300 eV, above"
    )
    victoreen: int = param(
        0, ge=0, le=4, help="the line is fitted to the spectrum times energy to this power"
    )
    flat: bool = param(False, help="take the bend of the polynomial off behind the edge")
    min_step: float | Literal["auto"] = param(
        "auto", ge=0, help="least edge step; auto = three times its error by the noise before the edge"
    )

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [Edge]

    def __post_init__(self):
        for name in ("pre", "post"):
            given = getattr(self, name)
            if given is not None and (len(given) != 2 or given[0] >= given[1]):
                raise JobError(f"{name}: {given} is no range; write [from, to] in eV from the edge")
        if self.pre and self.pre[1] > 0:
            raise JobError(f"pre: {self.pre} reaches behind the edge; both are 0 or less, such as [-50, -15]")
        if self.post and self.post[0] < 0:
            raise JobError(f"post: {self.post} begins before the edge; both are 0 or more, such as [15, 90]")

    def check(self, data):
        """Errors: DataError where the edge lies outside of the energies, or there are too few of them."""
        if "energy" in data.coords:
            self._checked(np.asarray(data.coords["energy"][0], float), data.file)

    def maps_after(self, data, known: list[str]) -> list[str]:
        """With its own."""
        return [*known, "edge_step", "e0", "edge_energy"]

    def _checked(self, e: np.ndarray, file: str) -> np.ndarray:
        if len(e) < 10:
            raise DataError(f"{self.name}: {file} has {len(e)} energies; 10 are needed for an edge")
        if self.e0 != "auto" and not e[1] <= self.e0 <= e[-2]:
            raise DataError(
                f"{self.name}: e0: {self.e0:g} eV is not within the energies of {file}, {e[0]:g} to {e[-1]:g}"
            )
        low, high = (e[1], e[-2]) if self.e0 == "auto" else (self.e0, self.e0)
        if words := self._outside(e, low, high):
            raise DataError(f"{self.name}: {words}; {file} has {e[0]:g} to {e[-1]:g} eV")
        return e

    def _outside(self, e: np.ndarray, low: float, high: float) -> str:
        """Words on a range without energies, wherever the edge is between two energies"""
        there = {"pre": (e[0] - high, 0.0), "post": (0.0, e[-1] - low)}
        for name, (left, right) in there.items():
            given = getattr(self, name)
            if given and not ((e >= low + given[0]) & (e <= high + given[1])).any():
                allowed = f"within {left:.4g} to {right:.4g}, or null, which finds it"
                return f"{name}: {given}: no energy is so far from the edge; allowed: {allowed}"
        return ""

    def start(self, run, data):
        """The weights of the edge. Errors: DataError."""
        if "energy" not in data.coords:
            raise DataError(f"{self.name}: the data have no energies")
        self.energies = self._checked(np.asarray(data.coords["energy"][0], np.float64), data.file)
        pair = [None if one is None else tuple(one) for one in (self.pre, self.post)]
        self.ranges = Ranges(*pair, self.order, self.victoreen, self.flat, self.before == "line")
        self.edges: dict[float, Edge] = {}
        run.made["xanes.normalise"] = self
        if self.e0 != "auto":
            self._edge(self.e0)

    def _edge(self, e0: float) -> Edge:
        if e0 not in self.edges:
            self.edges[e0] = Edge(self.energies, e0, self.ranges)
        return self.edges[e0]

    def block(self, block, info):
        """(k, energy) -> normalised spectra, real, and what is known of each edge."""
        mu, whole = filled(np.asarray(block, np.float64))
        norm, step, error, e0 = self.of(mu)
        least = SIGMAS * error if self.min_step == "auto" else self.min_step
        seen = whole & (step > least)
        norm[~seen] = np.nan
        half = crossing(self.energies, np.where(seen[:, None], norm, 0.0))
        for values in (step, error, e0):
            values[~seen] = np.nan
        real = info.data.dtype if info.data.dtype.kind == "f" else np.float64
        return {
            "data": norm.astype(real),
            "edge_step": step.astype(real),
            "edge_step_errors": error.astype(real),
            "e0": e0,
            "edge_energy": np.where(seen, half, np.nan),
            "_edge_pixels": np.ones(len(mu), int),
            "_edge_with_edge": seen.astype(int),
            "_edge_sum": np.where(seen[:, None], mu, 0.0),
        }

    def of(self, mu: np.ndarray):
        """(k, E) float64 -> normalised, (k,) steps, their errors, edge energies. For references, too."""
        if self.e0 != "auto":
            return *self._edge(self.e0).normalised(mu), np.full(len(mu), float(self.e0))
        at = edge_numbers(self.energies, mu)
        norm, step, error = np.empty_like(mu), np.empty(len(mu)), np.empty(len(mu))
        for number in np.unique(at):
            those = at == number
            own = self._edge(float(self.energies[number])).normalised(mu[those])
            norm[those], step[those], error[those] = own
        return norm, step, error, self.energies[at]

    def finish(self, run):
        """How many pixels have an edge, the spectrum of these, and a verdict."""
        pixels, seen, sum_ = (run.data.pop(f"_edge_{name}").values for name in ("pixels", "with_edge", "sum"))
        lost = 1 - int(seen) / max(1, int(pixels))
        if not seen:
            raise DataError(
                f"{self.name}: no pixel has an edge step above its error; is an edge within "
                f"{self.energies[0]:g} to {self.energies[-1]:g} eV, and is it `xanes.absorbance: {{measured: "
                "transmission}` or fluorescence?"
            )
        mean = sum_ / int(seen)
        norm, _, _, e0 = self.of(mean[None])
        edge = self._edge(float(e0[0]))
        self.edge_of_sum = edge.e0
        run.data["data"].unit, run.data["data"].title = "1", "normalised absorption"
        own = {"without_edge": lost, "e0_eV": edge.e0, "order": len(edge.curve) - 1}
        own |= {"pre_eV": _span(edge, edge.pre), "post_eV": _span(edge, edge.post)}
        run.result.notes.setdefault("xanes", {})["normalise"] = own
        axes = {"energy": (self.energies, "eV")}
        given = self.e0 != "auto"
        if given:  # one value in all pixels: its map is written, and no picture is made of it
            run.data["e0"].title, run.result.apart["e0"] = "edge energy, given", ()
        label = f"edge {edge.e0:.2f} eV" + ", given for all pixels" * given
        marks = Marks(label="normalised absorption", begins=((edge.e0, label),))
        title = "mean of the pixels with an edge"
        run.result.pictures["spectrum"] = Signal(norm, axes, "", title, "curve", marks=marks)
        words = f"{lost:.1%} of {int(pixels)} pixels have no edge, NaN in the maps"
        run.say(f"{self.name}: edge {'as given,' if given else 'of the mean at'} {edge.e0:.2f} eV; {words}")
        grade, words = ("doubtful", words) if lost > MANY else ("good", "")
        if outside := self._outside(self.energies, edge.e0, edge.e0):
            grade, words = "wrong", f"{outside} (edge of the mean: {edge.e0:g} eV)"
        give(run, self.name, grade, words, without_edge=lost, e0_eV=edge.e0)


def _span(edge: Edge, part: slice) -> list[float]:
    """eV from the edge: first and last energy of a part"""
    return [float(v - edge.e0) for v in edge.energies[part][[0, -1]]]


def filled(mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(k, E) spectra with single values that are no numbers interpolated, and (k,) which are whole then.

    Those with more than `MOST_LOST` of such are zeros.
    """
    lost = ~np.isfinite(mu)
    whole = lost.mean(1) <= MOST_LOST
    if not lost.any():
        return mu, whole
    mu = np.where(whole[:, None], mu, 0.0)
    at = np.arange(mu.shape[1])
    for k in np.flatnonzero(whole & lost.any(1)):
        mu[k, lost[k]] = np.interp(at[lost[k]], at[~lost[k]], mu[k, ~lost[k]])
    return mu, whole
