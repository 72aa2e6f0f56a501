"""The step `map.components`: what spectra of a map are made of, without references: for a look at it.

pca    : the directions of largest variance about the mean spectrum
nmf    : spectra and amounts that are not negative, X = W H (Lee and Seung 1999, doi:10.1038/44565)
kmeans : classes of alike spectra, each with its mean (Lloyd 1982, doi:10.1109/TIT.1982.1056489)

nmf and kmeans begin with some pixels all over the map, on rank 0, and end with all of them on all ranks. Sums
are those of `nanompi.data.products`: the same bits on any number of ranks.
"""

from typing import Literal

import numpy as np

from nanompi.data.data import Data, count
from nanompi.data.products import products, sums
from nanompi.data.respread import fitting
from nanompi.data.walk import loaded
from nanompi.errors import DataError, JobError
from nanompi.methods.maps.xanes.edge import dots
from nanompi.mpi.team import Team
from nanompi.run.result import Marks, Signal
from nanompi.step import param, step

ALONG = ("energy", "channel", "line", "radial")  # of which one is the axis of a spectrum
SAMPLE = 2000  # pixels with which nmf and kmeans begin
TRIES = 4  # random starts of kmeans
TINY = 1e-12
FAINT = 1e-3  # of the largest value of spectra: less is shown as 0, no further down a logarithmic axis
SOURCES = {"nmf": ["10.1038/44565"], "kmeans": ["10.1109/TIT.1982.1056489"]}
ALIKE = 1e-9  # of the largest change: kmeans and nmf are done


@step("map.components")
class Components:
    r"""What the spectra of a map are made of: principal components, parts that are not negative, or classes.

    Gives maps `component_1` ... and their spectra; of kmeans one map `class` (1 ..., 0 = no spectrum) and the
    mean spectra. Spectra with values that are no numbers take no part and are NaN in the maps.

    .. math::

        X \approx W H, \qquad W, H \ge 0 \; (\text{nmf})

    X are the spectra of all pixels, H the components, W the maps; pca takes the directions of the largest
    variance about the mean.

    Unit: maps as the spectra, spectra of length 1.

    Source: nmf doi:10.1038/44565, kmeans doi:10.1109/TIT.1982.1056489

    Example::

        - {use: map.components, method: nmf, number: 3}
    """

    explains = {"explained": "part of the variance (pca), of the squares (nmf), between classes (kmeans)"}

    method: Literal["pca", "nmf", "kmeans"] = param(
        "pca", level="basic", help="how; nmf takes negative values for 0"
    )
    number: int = param(4, ge=1, le=64, level="basic", help="how many components or classes")
    of: str = param("data", help="name of the spectra: data (y, x, energy), or what a step before gave")
    iterations: int = param(200, ge=1, help="of nmf and kmeans with some of the pixels; a tenth with all")
    seed: int = param(0, ge=0, help="another number gives another start of nmf and kmeans")

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return SOURCES.get(self.method, [])

    def check(self, data):
        """Errors: DataError where even all spectra are too few."""
        axis = next((axis for axis in ALONG if axis in data.axes), "")
        if self.of == "data" and axis:
            self._must_be_enough(count(data.shape) // max(1, data.size(axis)), data.size(axis))

    def fits(self, known: dict, sure: bool):
        """Errors: JobError where there are no such data, DataError where they have no spectra."""
        if self.of in known or sure:
            self._must_be_there(known)
        if known.get(self.of):
            self._axis(known[self.of], f"({', '.join(known[self.of])})")

    def axes_of(self, known: dict) -> dict:
        """{name: axes} of what it gives; those of the maps are these of the data without the spectra."""
        axes = known.get(self.of)
        maps = tuple(axis for axis in axes if axis not in ALONG) if axes else None
        return dict.fromkeys(self._maps(), maps) | {self._spectra_name(): None}

    def maps_after(self, data, known: list[str]) -> list[str]:
        """With those of the components."""
        return [*known, *self._maps()]

    def _maps(self) -> list[str]:
        return ["class"] if self.method == "kmeans" else [f"component_{k + 1}" for k in range(self.number)]

    def _spectra_name(self) -> str:
        return "class_spectra" if self.method == "kmeans" else "component_spectra"

    def _must_be_there(self, known) -> None:
        if self.of not in known:
            raise JobError(f'{self.name}: of: "{self.of}" is not there; there is {", ".join(known)}')

    def _axis(self, axes: tuple[str, ...], words: str) -> str:
        """That of the spectra. words : what the data are"""
        axis = next((axis for axis in ALONG if axis in axes), "")
        if not axis or len(axes) < 2:
            raise DataError(f"{self.name}: {self.of} has no axis {' or '.join(ALONG)}; it is {words}")
        if "detector" in axes:
            raise DataError(
                f"{self.name}: {self.of} has spectra of several detectors; take fitted maps: `of:`"
            )
        return axis

    def run(self, run):
        """(collective) Errors: DataError, JobError."""
        self._must_be_there(run.data)
        data, axis = self._spectra(run)
        with run.clock.phase(self.name):
            X, good = _rows(data)
            (n,) = run.team.total(len(X)).astype(int)
            self._must_be_enough(n, data.size(axis))
            sample = self._sample(run, data, X, good)
            amounts, spectra, explained = getattr(self, f"_{self.method}")(run.team, X, sample)
        self._give(run, data, axis, good, (amounts, spectra, explained))

    def _spectra(self, run) -> tuple[Data, str]:
        """The data, an axis of the map spread, that of the spectra last (collective)."""
        stored = run.data[self.of]
        data = loaded(run, self.of)
        run.data[self.of] = stored  # what lies in the result file stays there
        axis = self._axis(data.axes, str(data))
        data = fitting(run.team, data, (axis,))
        order = (data.spread, *(a for a in data.axes if a not in (data.spread, axis)), axis)
        values = np.ascontiguousarray(data.values.transpose([data.axes.index(a) for a in order]))
        out = data.holding(values, data.spread, data.parts)
        out.axes = order
        return out, axis

    def _must_be_enough(self, n: int, channels: int) -> None:
        if n <= self.number or channels < self.number:
            raise DataError(
                f"{self.name}: {n} spectra of {channels} values are too few for {self.number} components"
            )

    def _sample(self, run, data: Data, X: np.ndarray, good: np.ndarray) -> np.ndarray:
        """(s, E) spectra evenly over the map, on every rank the same (collective)."""
        per = int(np.prod(data.shape[1:-1]))
        numbers = (data.parts[run.team.rank][:, None] * per + np.arange(per)).ravel()[good]
        every = int(np.prod(data.shape[:-1]))
        step = max(1, every // SAMPLE)
        own = np.flatnonzero(numbers % step == 0)
        told = [pair for rank in run.team.allgather([(int(numbers[k]), X[k]) for k in own]) for pair in rank]
        told.sort(key=lambda pair: pair[0])
        return np.array([row for _, row in told]).reshape(-1, X.shape[1])

    # ---- three ways: (amounts (n, k) of this rank, spectra (k, E), explained)

    def _pca(self, team, X, sample):
        mean, values, directions = principal(team, X)
        values, directions = values[: self.number], directions[: self.number]
        return dots(X - mean, directions), directions, float(values.sum() / max(self.variance(team, X), TINY))

    def variance(self, team, X) -> float:
        """The sum over channels."""
        n = team.total(len(X))[0]
        mean = sums(team, X) / n
        return float((sums(team, X, lambda rows: (rows - mean) ** 2) / n).sum())

    def _nmf(self, team, X, sample):
        X, sample = np.maximum(X, 0), np.maximum(sample, 0)
        alone = Team(alone=True)
        rng = np.random.default_rng(self.seed)
        centres = clusters(alone, sample, self._start(sample, rng), self.iterations)[1]
        H = np.maximum(centres, 1e-3 * centres.max())
        H = factors(alone, sample, H, self.iterations)[1]
        W, H = factors(team, X, H, max(20, self.iterations // 10))
        size = H.max(1)  # amounts on the scale of the spectra
        W, H = W * size, H / size[:, None]
        left = sums(team, (X - sum(W[:, j : j + 1] * H[j] for j in range(len(H)))) ** 2).sum()
        return W, H, float(1 - left / max(sums(team, X, np.square).sum(), TINY))

    def _kmeans(self, team, X, sample):
        alone, best = Team(alone=True), None
        for attempt in range(TRIES):
            rng = np.random.default_rng([self.seed, attempt])
            own = clusters(alone, sample, self._start(sample, rng), self.iterations)
            best = own if best is None or own[2] < best[2] else best
        label, centres, left = clusters(team, X, best[1], max(20, self.iterations // 10))
        order = np.argsort(-centres.sum(1), kind="stable")
        place = np.argsort(order)
        explained = 1 - left / max(self.variance(team, X) * team.total(len(X))[0], TINY)
        return (place[label] + 1)[:, None], centres[order], float(explained)

    def _start(self, sample, rng) -> np.ndarray:
        """Spectra far from one another: each at random, the likelier the further from those before
        (k-means++, Arthur and Vassilvitskii 2007)."""
        centres = [sample[rng.integers(len(sample))]]
        for _ in range(self.number - 1):
            far = np.min([((sample - c) ** 2).sum(1) for c in centres], axis=0)
            along = np.cumsum(far)
            centres.append(
                sample[min(int(np.searchsorted(along, rng.random() * along[-1])), len(sample) - 1)]
            )
        return np.array(centres, np.float64)

    def _give(self, run, data: Data, axis: str, good, made):
        """Maps, spectra and pictures."""
        amounts, spectra, explained = made
        lead = data.values.shape[:-1]
        coords = {a: known for a, known in data.coords.items() if a != axis}
        for k, name in enumerate(self._maps()):
            kind, none = (np.int32, 0) if self.method == "kmeans" else (np.float32, np.nan)
            values = np.full(lead, none, kind)
            values.reshape(-1)[good] = amounts[:, k]
            axes = tuple(a for a in run.data[self.of].axes if a != axis)
            values = values.transpose([data.axes.index(a) for a in axes])
            out = Data(axes=axes, coords=coords, title=name.replace("_", " "), facts=dict(data.facts))
            run.data[name] = out.holding(values, data.spread, data.parts)
            run.given[name] = None
        along = {axis: data.coords[axis]} if axis in data.coords else {}
        key = self._spectra_name()
        title = f"{'means of the classes' if self.method == 'kmeans' else 'components'} ({self.method})"
        run.data[key] = Data(axes=("component", axis), values=spectra, coords=along, title=title)
        run.given[key] = None
        numeric = {a: v for a, v in along.items() if np.asarray(v[0]).dtype.kind in "iuf"}
        word = "class" if self.method == "kmeans" else "component"
        marks = Marks(tuple(f"{word} {k + 1}" for k in range(len(spectra))))
        shown = np.where(abs(spectra) < FAINT * abs(spectra).max(), 0, spectra)
        run.result.pictures[key] = Signal(shown, numeric, "", title, "curve", marks=marks)
        run.result.notes.setdefault("maps", {})["components"] = {
            "method": self.method, "number": self.number, "explained": explained}  # fmt: skip
        run.say(f"{self.name}: {self.number} by {self.method} explain {explained:.2%}")


def _rows(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """(n, E) float64 spectra of this rank that are numbers throughout, and (pixels,) bool, which those are"""
    flat = data.values.reshape(-1, data.values.shape[-1])
    good = np.isfinite(flat).all(1)
    return flat[good].astype(np.float64), good


def principal(team, X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(E,) mean, (E,) falling variances, (E, E) directions, their largest entries positive (collective)."""
    n = team.total(len(X))[0]
    mean = sums(team, X) / n
    centred = X - mean
    covariance = products(team, centred, centred) / n
    values, vectors = team.on_root(lambda: np.linalg.eigh((covariance + covariance.T) / 2))
    values, vectors = values[::-1], vectors.T[::-1]
    top = np.abs(vectors).argmax(1)
    return mean, values, vectors * np.sign(vectors[np.arange(len(vectors)), top])[:, None]


def clusters(team, X: np.ndarray, centres: np.ndarray, rounds: int) -> tuple[np.ndarray, np.ndarray, float]:
    """(n,) classes, (k, E) their means, the sum of squares within, from these means on (collective)."""
    k, size = len(centres), float(sums(team, X, np.square).sum())
    for _ in range(rounds):
        label = nearest(X, centres)
        own = (label[:, None] == np.arange(k)).astype(np.float64)
        counts = sums(team, own)
        means = products(team, own, X) / np.maximum(counts, 1)[:, None]
        means = np.where(counts[:, None] > 0, means, centres)
        still = np.abs(means - centres).max() <= ALIKE * np.abs(means).max()
        centres = means
        if still:
            break
    label = nearest(X, centres)
    counts = sums(team, (label[:, None] == np.arange(k)).astype(np.float64))
    return label, centres, size - float((counts * (centres**2).sum(1)).sum())


def nearest(X: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(n,) number of the nearest of some spectra"""
    return (dots(X, centres) - (centres**2).sum(1) / 2).argmax(1)


def factors(team, X: np.ndarray, H: np.ndarray, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, k) amounts and (k, E) spectra, none negative, X = W H, from these spectra on (collective).

    Multiplicative updates in turns, each of which lets the sum of squares fall.
    """
    W = np.maximum(dots(X, H) / np.maximum((H**2).sum(1), TINY), 1e-3 * max(float(H.max()), TINY))
    for _ in range(rounds):
        W = W * dots(X, H) / np.maximum(dots(W, H @ H.T), TINY)
        H = H * products(team, W, X) / np.maximum(products(team, W, W) @ H, TINY)
    return W * dots(X, H) / np.maximum(dots(W, H @ H.T), TINY), H
