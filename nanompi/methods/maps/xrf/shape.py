"""Scale of energies and shape of the peaks of one spectrum, fitted by variable projection.

The amplitudes of lines, scatter and pile-up are found by non-negative least squares inside, so that the
outer search has the few parameters of the detector alone (Golub & Pereyra 1973, doi:10.1137/0710036). The
background stays as high as SNIP has it: free, it trades places with the tails of the peaks, and weak lines
pay for that.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from nanompi.methods.maps.linear_fit import nnls
from nanompi.methods.maps.xrf.damped import least_squares
from nanompi.methods.maps.xrf.response import Detector, columns, energies_of, peaks_of, pileup
from nanompi.methods.maps.xrf.snip import snip

BOUNDS = {"offset": (-150.0, 150.0), "noise": (30.0, 250.0), "fano": (0.05, 0.25), "tail": (0.0, 0.2),
          "gamma": (1.0, 8.0), "step": (0.0, 0.02), "angle": (10.0, 170.0), "cwide": (1.0, 4.0),
          "ctail": (0.0, 0.6), "cgamma": (1.0, 8.0)}  # fmt: skip
USUAL = {"step": (0.0, 0.002), "noise": (100.0, 50.0), "fano": (0.12, 0.04), "tail": (0.02, 0.05),
         "gamma": (2.5, 2.0),
         "angle": (90.0, 40.0), "cwide": (1.6, 1.0), "ctail": (0.15, 0.2), "cgamma": (3.0, 2.0)}  # fmt: skip
FREE = (
    "offset",
    "slope",
    "noise",
    "fano",
    "energy",
    "angle",
    "cwide",
    "ctail",
    "cgamma",
    "tail",
    "gamma",
    "step",
)
WIDEST = 400.0  # eV, up to which something is a peak and not background: some widths
SMOOTH = 40.0  # eV, standard deviation: less than that of a peak
NARROW = 0.04  # part of the slope, of the energy of the beam, by which they may move
BEAM = 0.005  # part of its energy by which the beam may be off


@dataclass(frozen=True)
class Scene:
    """What a spectrum may hold.

    names : families of lines; energy : eV, of the beam; low, high : eV, between which it is fitted
    detector : what is known of it; pileup : two photons may be counted as one
    """

    names: tuple[str, ...]
    energy: float
    low: float
    high: float
    detector: Detector = field(default_factory=Detector)
    pileup: bool = True

    @property
    def columns(self) -> list[str]:
        """Names of the columns of the fit."""
        return [*self.names, "elastic", "compton", *(["pileup"] if self.pileup else []), "background"]


@dataclass(frozen=True)
class Shape:
    """A spectrum and its fit.

    p : the parameters (`response`); first, last : channels that are fitted
    design : (last - first, m), columns with the sum 1; amplitudes, sigma : (m,), counts
    chi2 : of each degree of freedom; held : names of parameters at an end of their range
    """

    scene: Scene
    p: dict
    first: int
    last: int
    design: np.ndarray
    counts: np.ndarray
    amplitudes: np.ndarray
    sigma: np.ndarray
    chi2: float
    held: tuple[str, ...] = ()

    @property
    def model(self) -> np.ndarray:
        """(last - first,) counts"""
        return self.design @ self.amplitudes

    def of(self, name: str) -> float:
        """Counts of a column."""
        return float(self.amplitudes[self.scene.columns.index(name)])


@dataclass(frozen=True)
class Below:
    """What of a fit is made of the spectrum itself. background : (n,) counts; paired : (n,) sum 1, or None"""

    background: np.ndarray
    paired: np.ndarray | None

    @classmethod
    def of(cls, counts: np.ndarray, scene: Scene, p: dict, channels: tuple[int, int]) -> "Below":
        """counts : of the whole spectrum"""
        paired = pileup(counts, p, *channels) if scene.pileup else None
        return cls(under(counts, p["slope"])[slice(*channels)], paired)

    def design(self, peaks: np.ndarray) -> np.ndarray:
        """(n, m) columns with the sum 1: peaks, pile-up, background."""
        parts = [one for one in (self.paired, self.background) if one is not None]
        design = np.column_stack([peaks, *parts])
        return design / np.maximum(design.sum(0), 1e-12)


def under(counts: np.ndarray, slope: float) -> np.ndarray:
    """(..., channels) background of counts, for a scale of `slope` eV a channel.

    SNIP follows the lowest of what scatters, so that chance is smoothed out before.
    """
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(np.asarray(counts, float), SMOOTH / slope, axis=-1)
    return np.maximum(snip(smooth, max(4, round(WIDEST / slope))), 0)


def channels_of(p: dict, scene: Scene, n: int) -> tuple[int, int]:
    """First channel and the one behind the last that are fitted, of n."""
    ends = (np.array([scene.low, scene.high]) - p["offset"]) / p["slope"]
    return int(np.clip(np.ceil(ends[0]), 0, n)), int(np.clip(np.floor(ends[1]) + 1, 0, n))


def amplitudes_of(design: np.ndarray, counts: np.ndarray, background: np.ndarray) -> np.ndarray:
    """(m,) by non-negative least squares with the weights 1 / counts; that of the background, the last, is
    its area."""
    weight = 1 / np.sqrt(np.maximum(counts, 1))
    weighed = design[:, :-1] * weight[:, None]
    return np.append(nnls(weighed, (counts - background) * weight), background.sum())


def as_it_is(counts: np.ndarray, scene: Scene, p: dict, fitted: int = 0, held: tuple[str, ...] = ()) -> Shape:
    """The fit with these parameters. fitted : how many of them were found by it"""
    first, last = channels = channels_of(p, scene, len(counts))
    below, own = Below.of(counts, scene, p, channels), counts[first:last]
    peaks = peaks_of(list(scene.names), scene.energy, scene.detector)
    design = below.design(columns(p, peaks, first, last))
    amplitudes = amplitudes_of(design, own, below.background)
    weight = 1 / np.maximum(own, 1)
    chi2 = float((weight * (design @ amplitudes - own) ** 2).sum())
    chi2 /= max(1, last - first - design.shape[1] - fitted)
    return Shape(scene, p, first, last, design, own, amplitudes, _sigma(design, weight), chi2, held)


def _sigma(design, weight) -> np.ndarray:
    """(m,) standard errors for an error of 1 in each count's root: of the inverse of A' W A."""
    information = (design * weight[:, None]).T @ design
    return np.sqrt(np.maximum(np.diag(np.linalg.pinv(information, hermitian=True)), 0))


def fitted(counts: np.ndarray, scene: Scene, start: dict, free: tuple[str, ...] = FREE) -> Shape:
    """The fit with the best parameters near `start`, of those in `free`.

    Each has a range (`BOUNDS`) and, where spectra say little, what is usual (`USUAL`).
    """
    start = start | {"energy": start.get("energy", scene.energy)}
    low, high = np.transpose([_range(name, start) for name in free])
    p0 = np.clip([start[name] for name in free], low, high)
    channels = channels_of(start, scene, len(counts))
    peaks = peaks_of(list(scene.names), scene.energy, scene.detector)
    own, below = counts[slice(*channels)], Below.of(counts, scene, start, channels)
    weight = 1 / np.sqrt(np.maximum(own, 1))

    def residuals(u):
        p = start | dict(zip(free, low + u * (high - low)))
        design = below.design(columns(p, peaks, *channels))
        mu = design @ amplitudes_of(design, own, below.background)
        return np.concatenate([(mu - own) * weight, _unusual(p, free, scene.energy)])

    u0 = (p0 - low) / (high - low)
    found = least_squares(residuals, u0)
    p = start | {name: float(v) for name, v in zip(free, low + found * (high - low))}
    held = tuple(name for name, u in zip(free, found) if min(u, 1 - u) < 1e-4)
    return as_it_is(counts, scene, p, len(free), held)


def _range(name: str, start: dict) -> tuple[float, float]:
    if name in ("slope", "energy"):
        return start[name] * (1 - NARROW), start[name] * (1 + NARROW)
    return BOUNDS[name]


def _unusual(p: dict, free: tuple[str, ...], energy: float) -> list[float]:
    usual = USUAL | {"energy": (energy, BEAM * energy)}
    return [(p[name] - usual[name][0]) / usual[name][1] for name in free if name in usual]


def with_names(shape: Shape, counts: np.ndarray, names) -> Shape:
    """The same scale and peaks with other families of lines."""
    return as_it_is(counts, replace(shape.scene, names=tuple(names)), shape.p)


def energies(shape: Shape) -> np.ndarray:
    """eV, of the channels that are fitted."""
    return energies_of(shape.p, np.arange(shape.first, shape.last))
