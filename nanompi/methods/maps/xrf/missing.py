"""What a fit leaves over, and which lines would explain it."""

from dataclasses import dataclass

import numpy as np

from nanompi.methods.maps.xrf.lines import families, lines, main_line
from nanompi.methods.maps.xrf.response import FWHM, PAIR, columns, peaks_of
from nanompi.methods.maps.xrf.shape import Shape, energies, with_names

SURE = 5.0  # standard deviations, from which on something is missing
KEPT = 3.0  # below which what was found by itself is left out again
ALIKE = 0.01  # part of a peak by which the model itself may be off, as far from it as
FAR = 2.3  # widths: shelf, tails and weak lines of a family
COMMON = {
    "K": "Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Ag Cd "
    "In Sn",
    "L": "Zr Nb Mo Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Nd Gd Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Th U",
    "M": "Hf Ta W Re Os Ir Pt Au Hg Pb Bi U",
}
CLOSE, STRONGER = 0.6, 4.0  # widths of a peak within which a family so many times stronger hides another
RARE = 0.3  # how much less likely than these any other is
RADIOACTIVE = ("Tc", "Pm", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Pa", "Np", "Pu")  # found nowhere unasked
MOST = 16  # families that are added at most


@dataclass(frozen=True)
class Leftover:
    """A peak that the fit does not explain. at : eV; counts, sigma : of it and in standard deviations;
    names : families with a strong line there, the likeliest first"""

    at: float
    counts: float
    sigma: float
    names: tuple[str, ...]

    def __str__(self):
        names = " or ".join(self.names) or "no known line"
        return f"{self.at / 1e3:.2f} keV ({self.counts:.0f} counts, {self.sigma:.0f} sigma): {names}"


def candidates(shape: Shape) -> list[str]:
    """Families whose strongest line stands in the fitted range and that the fit does not have."""
    scene = shape.scene
    known = families(scene.energy, scene.low + 100, 0.97 * scene.energy)
    return [n for n in known if n not in scene.names and n.partition("_")[0] not in RADIOACTIVE]


def _weights(shape: Shape) -> np.ndarray:
    mu = np.maximum(shape.model, 1)
    return 1 / (mu + (ALIKE * _height(shape, mu)) ** 2)


def _height(shape: Shape, mu: np.ndarray) -> np.ndarray:
    """(n,) the highest model near by: errors of a peak stand beside it."""
    from scipy.ndimage import maximum_filter1d

    reach = FAR * FWHM * _width(shape, shape.scene.energy / 2) / shape.p["slope"]
    return maximum_filter1d(mu, 2 * round(reach) + 1)


def _width(shape: Shape, at):
    """eV, standard deviation of a peak at an energy."""
    return np.sqrt((shape.p["noise"] / FWHM) ** 2 + shape.p["fano"] * PAIR * at)


def wanted(shape: Shape, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviations by which each of some families is missing in a fit, and its counts: what its column
    explains of the rest, after all other columns have had their part of it."""
    peaks = peaks_of(names, shape.scene.energy, shape.scene.detector)
    more = columns(shape.p, peaks, shape.first, shape.last)[:, :-2]
    more = more / np.maximum(more.sum(0), 1e-12)
    weight = np.sqrt(_weights(shape))
    q, _ = np.linalg.qr(shape.design[:, shape.amplitudes > 0] * weight[:, None])
    more = more * weight[:, None]
    own = more - q @ (q.T @ more)
    rest = (shape.counts - shape.model) * weight
    length = np.sqrt((own**2).sum(0))
    length = np.where(length > 1e-6 * np.sqrt((more**2).sum(0)), length, np.inf)
    score = own.T @ rest / length
    return score * [_likely(name) for name in names], score / length


def completed(shape: Shape, counts: np.ndarray) -> Shape:
    """The fit with those families added that the rest asks for, one after another, the most wanted first."""
    for _ in range(MOST):
        names = candidates(shape)
        if not names:
            return shape
        score, area = wanted(shape, names)
        score[[_hidden(shape, name, a) for name, a in zip(names, area)]] = 0
        best = int(np.argmax(score))
        if score[best] < SURE:
            return shape
        shape = with_names(shape, counts, [*shape.scene.names, names[best]])
    return shape


def _likely(name: str) -> float:
    symbol, _, shell = name.partition("_")
    return 1.0 if symbol in COMMON[shell].split() else RARE


def _hidden(shape: Shape, name: str, counts: float) -> bool:
    """Does a family stand under one of the fit that is much stronger, or more likely by far?"""
    at, scene = main_line(name, shape.scene.energy), shape.scene
    reach = CLOSE * FWHM * _width(shape, at)
    near = [abs(main_line(other, scene.energy) - at) < reach for other in scene.names]
    most = max(shape.amplitudes[: len(near)][near], default=0)
    return most > STRONGER * counts or (most > 0 and _likely(name) < 1)


def needless(shape: Shape, given: tuple[str, ...]) -> list[str]:
    """Families of a fit that explain nothing beyond chance; those that the job names stay."""
    weights = _weights(shape)
    on = shape.amplitudes > 0
    information = (shape.design[:, on] * weights[:, None]).T @ shape.design[:, on]
    sigma = np.zeros(len(on))
    sigma[on] = np.sqrt(np.maximum(np.diag(np.linalg.pinv(information, hermitian=True)), 0))
    names = shape.scene.names
    return [
        n for n, a, s in zip(names, shape.amplitudes, sigma) if n not in given and (a <= 0 or a < KEPT * s)
    ]


def leftovers(shape: Shape, most: int = 4) -> list[Leftover]:
    """The largest peaks that a fit leaves over, of more than `SURE` standard deviations."""
    at, mu = energies(shape), np.maximum(shape.model, 1)
    rest, slope = shape.counts - shape.model, shape.p["slope"]
    width = _width(shape, at)
    reach = np.maximum(1, np.round(1.2 * width / slope)).astype(int)
    k = np.arange(len(at))
    low, high = np.maximum(k - reach, 0), np.minimum(k + reach + 1, len(at))
    counts, total = _sums(rest, low, high), _sums(mu, low, high)
    sigma = counts / np.sqrt(total + (ALIKE * total) ** 2)
    out: list[Leftover] = []
    for i in np.argsort(-sigma):
        if sigma[i] < SURE or len(out) == most:
            break
        if all(abs(at[i] - other.at) > 3 * width[i] for other in out):
            out.append(
                Leftover(float(at[i]), float(counts[i]), float(sigma[i]), _near(shape, at[i], width[i]))
            )
    return out


def _sums(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Of values[low[i] : high[i]], for each i."""
    running = np.concatenate([[0], np.cumsum(values)])
    return running[high] - running[low]


def _near(shape: Shape, at: float, width: float) -> tuple[str, ...]:
    """Families with a strong line at an energy, those that explain most of what is left over first."""
    names = [n for n in candidates(shape) if _strong(n, shape.scene.energy, at, width)]
    if not names:
        return ()
    order = np.argsort(-wanted(shape, names)[0], kind="stable")
    return tuple(names[k] for k in order[:4])


def _strong(name: str, energy: float, at: float, width: float) -> bool:
    places, share = lines(name, energy)
    return bool((share[np.abs(places - at) < width] > 0.1).any())
