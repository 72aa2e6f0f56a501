"""Where an edge is, what stands before and behind it, and how high it is: weights for many spectra.

A line through the spectrum before the edge is taken off, a polynomial goes through what is behind it; its
value at the edge is the edge step. Both are linear in the spectrum, so that for one edge energy they are a
few weights for each energy, whatever the number of spectra. Ranges follow larch.xafs.preedge of xraylarch
2026.3: the first point is the last at or below the beginning, the end is the point nearest to the end of the
range and does not belong to it (Newville 2013, doi:10.1088/1742-6596/430/1/012007).
"""

from dataclasses import dataclass, field

import numpy as np

SCALE = 100.0  # eV: unit of the polynomials
LEAST = 3  # points before the edge for a line; fewer give their mean
HIGH = (0.6, 0.3, 0.15, -np.inf)  # of the largest slope: a point and both its neighbours are above it
AROUND = 4  # points on each side that smooth a slope


def dots(spectra: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(k, E) times (m, E) -> (k, m), each spectrum by itself: the same bits wherever it stands."""
    return np.stack([np.einsum("ke,e->k", spectra, one) for one in weights], 1)


@dataclass
class Ranges:
    """Where lines and polynomials go through, in eV from the edge; None = found as larch does.

    pre, post : (from, to); order : of the polynomial behind the edge; flat : it is taken off there
    victoreen : the line before the edge goes through the spectrum times energy to this power
    line : is there one? Else a constant
    """

    pre: tuple[float, float] | None = None
    post: tuple[float, float] | None = None
    order: int | None = None
    victoreen: int = 0
    flat: bool = False
    line: bool = True


@dataclass
class Edge:
    """The weights of one edge energy.

    line  : (2, E) weights, the coefficients of `before`; before : (2, E) the curves that these multiply
    step  : (E,) weights, whose product with a spectrum is its edge step
    behind : (q + 1, E) weights; curve : (q + 1, E) what they multiply
    pre, post : slices of energies that were used
    """

    energies: np.ndarray
    e0: float
    ranges: Ranges = field(default_factory=Ranges)

    def __post_init__(self):
        e, e0, r = self.energies, self.e0, self.ranges
        self.at = nearest(e, e0)
        self.pre, self.post, order = slices(e, e0, self.at, r)
        x, power = (e - e0) / SCALE, e ** float(r.victoreen)
        degree = int(r.line and below(e, e0 + self.pre_to) - self.pre.start >= LEAST)
        power = power if degree else np.ones_like(e)
        curves = x ** np.arange(2)[:, None] * (np.arange(2) <= degree)[:, None]
        self.line = _weights(curves[: degree + 1], self.pre, 2) * power
        self.before = curves / power
        self.curve = x ** np.arange(order + 1)[:, None]
        rest = _weights(self.curve, self.post, order + 1)
        self.behind = rest - (rest @ self.before.T) @ self.line
        self.step = self.curve[:, self.at] @ self.behind

    @property
    def pre_to(self) -> float:
        """eV from the edge, the end of the range before it."""
        return pre_range(self.energies, self.e0, self.at, self.ranges)[1]

    def normalised(self, spectra: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(k, E) float64 -> the same between 0 and 1 about the edge; (k,) edge steps; (k,) their errors.

        Errors by what is left of the line before the edge, as if all values had this noise.
        """
        line = dots(spectra, self.line)
        rest = spectra - line[:, :1] * self.before[0] - line[:, 1:] * self.before[1]
        step = (spectra * self.step).sum(1)
        some = rest[:, self.pre]
        noise = np.sqrt((some**2).sum(1) / max(1, some.shape[1] - 1 - self.ranges.line))
        scale = np.maximum(np.abs(step), 1e-12)[:, None]
        out = rest / scale
        if self.ranges.flat:
            behind = dots(spectra, self.behind)
            bend = sum(behind[:, k : k + 1] * (self.curve[k] - self.curve[k, self.at])
                       for k in range(len(self.curve))) / scale  # fmt: skip
            out[:, self.at :] -= bend[:, self.at :]
        return out, step, noise * np.sqrt((self.step**2).sum())


def nearest(e: np.ndarray, value: float) -> int:
    """Number of the energy that is nearest to a value."""
    return int(np.abs(e - value).argmin())


def below(e: np.ndarray, value: float) -> int:
    """Number of the last energy at or below a value, 0 where there is none."""
    return max(0, int(np.searchsorted(e, value, side="right")) - 1)


def pre_range(e, e0: float, at: int, given: Ranges) -> tuple[float, float]:
    """eV from the edge: where the line before it begins and ends."""
    start, end = given.pre or (None, None)
    if start is None:
        unit = 5.0 if at > 20 else 2.0
        start = unit * round((e[1] - e0) / unit)
    start = max(start, e[0] - e0)
    end = 0.5 * start if end is None else end
    return min(start, end), max(start, end)


def post_range(e, e0: float, given: Ranges) -> tuple[float, float, int]:
    """eV from the edge: where the polynomial behind it begins and ends; and its order."""
    start, end = given.post or (None, None)
    end = 5.0 * round((e[-1] - e0) / 5.0) if end is None else end
    end = min(end, e[-1] - e0)
    start = min(25.0, 5.0 * round(end / 15.0)) if start is None else start
    start, end = min(start, end), max(start, end)
    start = min(start, end - 2.0)
    order = given.order
    if order is None:
        order = 0 if end - start < 30 else 1 if end - start < 300 else 2
    return start, end, order


def slices(e, e0: float, at: int, given: Ranges) -> tuple[slice, slice, int]:
    """The points before and behind the edge, and the order of the polynomial."""
    lo, hi = pre_range(e, e0, at, given)
    a, b = below(e, lo + e0), nearest(e, hi + e0)
    if b - a < 1 + given.line:
        b = min(len(e), a + 1 + given.line)
    lo, hi, order = post_range(e, e0, given)
    c, d = min(below(e, lo + e0), len(e) - 3), nearest(e, hi + e0)
    if d - c < 2:
        c, order = max(0, c - 2), 0
    elif d - c < 5:
        order = min(1, order)
    return slice(a, b), slice(c, d), order


def _weights(curves: np.ndarray, part: slice, rows: int) -> np.ndarray:
    """(rows, E): the least-squares coefficients of curves (q, E) through the points of a part."""
    out = np.zeros((rows, curves.shape[1]))
    out[: len(curves), part] = np.linalg.pinv(curves[:, part].T)
    return out


def edge_numbers(e: np.ndarray, spectra: np.ndarray) -> np.ndarray:
    """(k,) numbers of the energies where spectra rise most steeply, the neighbours steep as well.

    The slope is smoothed by a Lorentzian as wide as a step of the scan, as larch.xafs.find_e0 does; 2 % of
    the energies at both ends do not count.
    """
    slope = np.gradient(spectra, axis=1) / np.gradient(e)
    slope = _smoothed(e, slope)
    rim = max(3, int(0.02 * len(e)))
    inner = slope[:, rim:-rim]
    low = inner.min(1, keepdims=True)
    slope = (slope - low) / np.maximum(np.ptp(inner, axis=1, keepdims=True), 1e-10)
    out = np.full(len(spectra), -1)
    for least in HIGH:
        high = slope > least
        high[:, 1:-1] &= high[:, 2:] & high[:, :-2]
        high[:, :rim] = high[:, -rim:] = False
        best = np.where(high, slope, -np.inf).argmax(1)
        out = np.where((out < 0) & high.any(1), best, out)
    return np.maximum(out, rim)


def _smoothed(e: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Weighed means over neighbours by a Lorentzian in energy."""
    steps = np.sort(np.diff(e))[: max(1, len(e) // 10)].mean()
    width = 0.5 * (np.clip(steps, 0.01, 1) + np.clip(e.mean() / 25000, 0.01, 1))
    total, weight = np.zeros_like(slope), np.zeros(len(e))
    share = np.gradient(e)
    for k in range(-AROUND, AROUND + 1):
        to, source = slice(max(0, -k), len(e) - max(0, k)), slice(max(0, k), len(e) - max(0, -k))
        w = share[source] / (1 + ((e[source] - e[to]) / width) ** 2)
        total[:, to] += w * slope[:, source]
        weight[to] += w
    return total / weight


def crossing(e: np.ndarray, norm: np.ndarray, level: float = 0.5) -> np.ndarray:
    """(k,) eV where spectra between 0 and 1 first rise through a level; NaN where they never do."""
    up = (norm[:, :-1] < level) & (norm[:, 1:] >= level)
    # what stands above the level from here to the maximum: a noisy point before the edge is no edge
    top = norm.argmax(1)[:, None]
    up &= np.arange(norm.shape[1] - 1) < top
    last = up.shape[1] - 1 - up[:, ::-1].argmax(1)
    rows = np.arange(len(norm))
    a, b = norm[rows, last], norm[rows, last + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        at = e[last] + (level - a) / (b - a) * (e[last + 1] - e[last])
    return np.where(up.any(1), at, np.nan)
