"""The axis from rays of opposite directions: half a turn later a projection is its mirror image.

    p(angle + pi, s) = p(angle, 2 axis - s)

Where a scan of half a turn ends, the mirrored first projections go on with the last ones. How a frequency w
of the detector goes on from angle to angle is known beforehand: of a sample within the radius R nothing is
outside the double wedge |n| <= 2 pi R w of the transform of a sinogram (Vo et al. 2014,
doi:10.1364/OE.22.019078), and of one that fills the circle two projections correlate by

    g(w, gap) = 2 J1(x) / x,   x = 4 pi R w sin(gap / 2)                       (the wedge, in angles)

With the noise of neighbours beside it, that makes projections near such a seam one Gaussian vector y of
covariance S(w). If those of the one side are mirrored about an axis, their transforms get a phase, and

    log probability = const - 2 Re sum_w C(w) exp(-4 pi i w axis),   C(w) = sum_jk conj(y_j) (1/S)_jk y_k

over pairs (j, k) from both sides: one sum gives it for all axes at once, its curvature the standard
deviation. Only some projections are looked at; what leaves the detector far from them does no harm, which is
where the energy outside the wedge of the whole sinogram fails. Where a full turn was measured there are many
such places, and none in between has a gap.

Derivatives along s: what the beam adds to a whole projection is gone. A soft window, the same about the axis
on both sides, is moved along until the axis stays.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.methods.tomo.centre.moment import Estimate

SIDE = 8  # projections on each side of a seam
TILES = 16  # seams that are looked at
RADIUS = 0.7  # R, in columns of the detector
FADE = 0.15  # of half the window
SOFTER = 0.6  # the same for a second opinion, of the middle of the detector alone
HIGHEST = 0.4  # cycles per px
SMOOTH = 9  # frequencies over which powers are averaged
FINE = 0.25  # px between axes that are tried first
WINDOWS = 16  # over the width of the detector, at first
REACH = 2.0  # px about one of them that belong to it
WIDEST = 20  # px about an axis that both sides must see
UNSURE = (
    2.0  # times: what the noise alone would leave; 100 phantoms are off by more where the sample is cut off
)


@dataclass(frozen=True)
class Tile:
    """Neighbouring directions that were measured from both sides.

    numbers : (n,) of the projections; angles : (n,) rad, of the directions; mirrored : (n,) bool
    """

    numbers: np.ndarray
    angles: np.ndarray
    mirrored: np.ndarray


def tiles_of(angles) -> list[Tile]:
    """At most `TILES` tiles, evenly over the directions; none where no direction has an opposite one."""
    angles = np.asarray(angles, np.float64)
    n, direction = len(angles), np.mod(angles, np.pi)
    order = np.argsort(direction, kind="stable")
    flip, direction = (np.mod(angles, 2 * np.pi) >= np.pi)[order], direction[order]
    mirrored, along = np.r_[flip, ~flip, flip], np.r_[direction, direction + np.pi, direction + 2 * np.pi]
    seams = np.flatnonzero(mirrored[n : 2 * n] != mirrored[n - 1 : 2 * n - 1])
    size = min(2 * SIDE, n)
    if not len(seams) or size < 2:
        return []
    first = n + int(seams[0]) - size // 2
    runs = (np.arange(k, k + size) for k in range(first, first + n - size + 1, size))
    tiles = [Tile(order[run % n], along[run], mirrored[run]) for run in runs if _both(mirrored[run])]
    return [
        tiles[k]
        for k in np.unique(np.linspace(0, len(tiles) - 1, min(TILES, len(tiles))).round().astype(int))
    ]


def _both(mirrored) -> bool:
    return bool(mirrored.any() and not mirrored.all())


class Opposite:
    """Looks for the axis of some rows.

    curve  : (n,) px and (n,) log probability of the axes that were tried
    tiles  : as of `tiles_of`; heights : (r,) of the rows, from the middle one
    seen   : (r, tiles, n, columns) float64, the projections of each tile in each row
    means  : (r, columns) float64, the mean of all projections in each row
    """

    def __init__(self, tiles: list[Tile], seen, means, heights):
        self.tiles, self.seen, self.means, self.heights = tiles, seen, means, heights
        self.columns = seen.shape[-1]

    def estimate(self, low: float, high: float) -> Estimate:
        """The most probable axis between two columns."""
        margin = min(WIDEST, self.columns / 8)
        low, high = max(low, margin), min(high, self.columns - 1 - margin)
        tried = np.arange(low, high + FINE / 2, FINE)
        column, sd = self._settled(tried)
        best = self._height(np.array([column]))[0]
        self.curve = tried, self._height(tried)
        far = np.abs(tried - column) > REACH
        depth = float(best - self.curve[1][far].max()) if far.any() else np.inf
        sd *= max(UNSURE, self._halves(column))
        slope, slope_sd = self._slope(column)
        self._correlate(column, SOFTER)
        sd = float(np.hypot(sd, self._peak(column, self.pairs.sum(0))[0] - column))
        edge = min(column - low, high - column) < 1
        return Estimate(column, sd, slope, slope_sd, depth, "it is at the end of the range" if edge else "")

    def _settled(self, tried: np.ndarray) -> tuple[float, float]:
        """(axis, standard deviation): near the best of all, the window moved along with the axis."""
        column = self._nearest(tried)
        for _ in range(3):
            self._correlate(column)
            column, sd, _ = self._peak(column, self.pairs.sum(0))
            column = float(np.clip(column, tried[0], tried[-1]))
        self._correlate(column)
        return column, sd

    def _nearest(self, tried: np.ndarray) -> float:
        """The axis at which most of what both sides see agrees, each with a window about it."""
        best, most = tried[0], -np.inf
        for near in np.array_split(tried, max(1, round(len(tried) * FINE * WINDOWS / self.columns))):
            self._correlate(float(near.mean()))
            height = self._height(near) / (self.cells * np.abs(self.pairs.sum(0)).sum())
            if height.max() > most:
                best, most = float(near[np.argmax(height)]), float(height.max())
        return best

    def _peak(self, column: float, pairs) -> tuple[float, float, float]:
        """(axis, standard deviation, log probability) of the highest point near an axis."""
        near = column + np.linspace(-REACH, REACH, 201)
        height = self._height(near, pairs)
        k, step = min(max(int(np.argmax(height)), 1), 199), near[1] - near[0]
        before, at, after = height[k - 1 : k + 2]
        bend = (2 * at - before - after) / step**2
        if bend <= 0:
            return column, np.inf, float(at)
        return float(near[k] + (after - before) / (2 * step * bend)), float(bend**-0.5), float(at)

    def _height(self, axes: np.ndarray, pairs=None) -> np.ndarray:
        """Log probability of axes, but for a constant."""
        pairs = self.pairs.sum(0) if pairs is None else pairs
        phase = np.exp(-4j * np.pi * self.w * (axes - self.about)[:, None])
        return -4 * self.cells * (phase * pairs).real.sum(1)

    def _halves(self, column: float) -> float:
        """How far low and high frequencies disagree, in standard deviations."""
        pairs = self.pairs.sum(0)
        turned = -(pairs * np.exp(-4j * np.pi * self.w * (column - self.about))).real
        known = np.cumsum(turned * self.w**2)
        low = np.arange(len(self.w)) < np.searchsorted(known, known[-1] / 2)
        (a, a_sd, _), (b, b_sd, _) = (self._peak(column, pairs * half) for half in (low, ~low))
        return abs(a - b) / np.hypot(a_sd, b_sd) if np.isfinite([a_sd, b_sd]).all() else np.inf

    def _slope(self, column: float, most: int = 8) -> tuple[float, float]:
        """px per row, and one standard deviation, from bands of rows."""
        bands = np.array_split(np.argsort(self.heights, kind="stable"), min(most, len(self.heights)))
        if len(bands) < 4:
            return 0.0, np.inf
        own = [self._peak(column, self.pairs[band].sum(0)) for band in bands]
        c, sd, _ = np.array(own).T
        z, weight = np.array([self.heights[band].mean() for band in bands]), 1 / sd**2
        design = np.stack([np.ones(len(z)), z], 1)
        if np.count_nonzero(weight) < 4:
            return 0.0, np.inf
        covariance = np.linalg.inv((design.T * weight) @ design)
        fit = covariance @ (design.T * weight) @ c
        chance = (weight * (c - design @ fit) ** 2).sum() / (len(c) - 2)
        return float(fit[1]), float(np.sqrt(covariance[1, 1] * max(UNSURE**2, chance)))

    def _correlate(self, about: float, fade: float = FADE):
        """`pairs` (r, W): C(w) of each row, phases counted from the axis `about`; `w` cycles per px."""
        self.about, rows = about, range(len(self.seen))
        self.w, spectra = spectra_of(self.seen, about, fade)
        means = spectra_of(self.means, about, fade)[1]
        power = _smooth((np.abs(spectra) ** 2).mean((0, 1, 2)))
        noise = np.minimum(_smooth(self._noise(spectra)), power)
        white = 4 * np.sin(np.pi * self.w) ** 2
        stripes = _smooth((np.abs(means) ** 2).mean(0)) / white
        stripes = np.quantile(stripes[(self.w > 0.15)], 0.25) * white
        half = min(about, self.columns - 1 - about) * (1 - 0.6 * fade)
        self.cells = half / self.columns / 2  # frequencies that are independent, of those of the transform
        self.pairs = np.zeros((len(self.seen), len(self.w)), complex)
        for i, tile in enumerate(self.tiles):
            inverse = _inverse(self._covariance(tile, power - noise, noise, stripes))
            here, there = ~tile.mirrored, tile.mirrored
            weights = inverse[:, here][:, :, there]
            for row in rows:
                y = spectra[row, i].conj()
                self.pairs[row] -= np.einsum("aw,wab,bw->w", y[here], weights, y[there])

    def _noise(self, spectra) -> np.ndarray:
        """(W,) power of what is not halfway between two neighbours, without those across a seam."""
        total, n = np.zeros(spectra.shape[-1]), 0
        for i, tile in enumerate(self.tiles):
            for side in (tile.mirrored, ~tile.mirrored):
                y = spectra[:, i, side]
                rest = y[:, 1:-1] - (y[:, :-2] + y[:, 2:]) / 2
                total, n = total + (np.abs(rest) ** 2).sum((0, 1)) / 1.5, n + rest.shape[0] * rest.shape[1]
        return total / n if n else 0.1 * (np.abs(spectra) ** 2).mean((0, 1, 2))

    def _covariance(self, tile: Tile, signal, noise, stripes) -> np.ndarray:
        """(W, n, n) S of the projections of a tile. Stripes are the same in all of one side."""
        from scipy.special import j1

        gap = tile.angles[:, None] - tile.angles
        x = 4 * np.pi * RADIUS * self.columns * self.w[:, None, None] * np.abs(np.sin(gap / 2))
        alike = np.where(x < 1e-6, 1, 2 * j1(x) / np.maximum(x, 1e-6))
        side = tile.mirrored[:, None] == tile.mirrored
        floor = noise + 1e-9 * (signal + noise).max()
        one = np.eye(len(gap))
        return signal[:, None, None] * alike + floor[:, None, None] * one + stripes[:, None, None] * side


def spectra_of(rows: np.ndarray, about: float, fade: float = FADE) -> tuple[np.ndarray, np.ndarray]:
    """(W,) cycles per px and (..., W): transforms of derivatives of (..., columns), seen from a column."""
    from scipy.fft import next_fast_len, rfft

    n = rows.shape[-1]
    at = np.arange(n - 1) + 0.5 - about
    half = min(about, n - 1 - about)
    window = np.sin(np.pi / 2 * np.clip((half - np.abs(at)) / max(3.0, fade * half), 0, 1)) ** 2
    size = next_fast_len(2 * n, real=True)
    w = np.arange(size // 2 + 1) / size
    some = (w > 0) & (w < HIGHEST)
    spectra = rfft(np.diff(rows, axis=-1) * window, size)[..., some]
    return w[some], spectra * np.exp(-2j * np.pi * w[some] * at[0])


def _inverse(covariance: np.ndarray) -> np.ndarray:
    """Of each matrix; the pseudoinverse where projections without noise are sums of one another."""
    try:
        return np.linalg.inv(covariance)
    except np.linalg.LinAlgError:
        return np.linalg.pinv(covariance, rcond=1e-9, hermitian=True)


def _smooth(power: np.ndarray) -> np.ndarray:
    """Averaged over neighbouring frequencies."""
    width = SMOOTH // 2
    return np.convolve(np.pad(power, width, mode="edge"), np.full(SMOOTH, 1 / SMOOTH), "valid")
