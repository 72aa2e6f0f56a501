"""How far images of a series stand from one another: correlation of pairs, and the path that fits all pairs.

A pair is correlated in Fourier space, its peak refined by a matrix Fourier transform about it
(Guizar-Sicairos et al. 2008, doi:10.1364/OL.33.000156).
"""

from dataclasses import dataclass

import numpy as np

COARSE, FINE = 1.5, 0.3  # px about the peak that are searched
RINGS = 32  # at least, of frequencies whose lengths are nearly the same
ALIKE = 0.2  # the most that counts: with more, low frequencies outweigh the others; S4 is then placed worse
ROUNDS = 10  # of robust least squares
CAUCHY = 2.385  # residuals of so many times the usual one count half: 95 % efficiency for Gaussian errors


@dataclass(frozen=True)
class Way:
    """How a pair is compared. smooth : px, Gaussian width; phase : strong frequencies count as weak ones"""

    smooth: float = 0.0
    phase: bool = True

    def __str__(self):
        kind = "phase" if self.phase else "cross"
        return f"{kind} correlation" + (f", smoothed by {self.smooth:g} px" if self.smooth else "")


def window(shape: tuple[int, int]) -> np.ndarray:
    """(H, W) float32, falling to zero at the rim."""
    y, x = (np.hanning(n + 2)[1:-1] for n in shape)
    return np.outer(y, x).astype(np.float32)


def spectrum(image: np.ndarray, soft: np.ndarray) -> np.ndarray:
    """(H, W // 2 + 1) complex: the transform of an image about its mean, in a window."""
    from scipy.fft import rfft2

    return rfft2((image - image.mean()) * soft)


def shift(a: np.ndarray, b: np.ndarray, shape: tuple[int, int], way: Way, upsample: int) -> np.ndarray:
    """(2,) px by which an image stands further down and to the right than another. a, b : of `spectrum`

    By phase, the peak is looked for once more, with frequencies of noise counting little (`_coherence`)."""
    from scipy.fft import irfft2

    product = b * a.conj()
    if way.phase:
        size = np.abs(product)
        product = product / np.maximum(size, 1e-9 * size.max() + 1e-30)
    ky, kx = np.fft.fftfreq(shape[0]), np.fft.rfftfreq(shape[1])
    if way.smooth:
        y, x = (np.exp(-2 * (np.pi * way.smooth * k) ** 2) for k in (ky, kx))
        product = product * (y[:, None] * x) ** 2
    peak = np.array(np.unravel_index(irfft2(product, shape).argmax(), shape), float)
    peak = np.where(peak > np.array(shape) // 2, peak - shape, peak)
    twice = np.where((kx == 0) | (kx == 0.5), 1.0, 2.0)  # the half that is not stored
    waves = ky, kx, twice
    peak = _near(product, peak, waves, upsample)
    weights = _coherence(a, b, peak, waves) if way.phase else None
    return peak if weights is None else _near(product * weights, peak, waves, upsample)


def _coherence(a, b, peak, waves) -> np.ndarray | None:
    """(H, W // 2 + 1): what the phase of each frequency is worth, c^2 / (1 - c^2), where c is the part of two
    images that is alike, of all frequencies of one length; None where nothing is.

    a, b : of `spectrum`; peak : px about which they lie on one another. Up to ALIKE they are the weights of
    the highest likelihood for the delay of noisy signals (Knapp and Carter 1976,
    doi:10.1109/TASSP.1976.1162830).
    """
    ky, kx, twice = waves
    ring = np.rint(np.hypot(ky[:, None], kx) * max(len(ky), RINGS)).astype(int)
    back = np.exp(2j * np.pi * (ky[:, None] * peak[0] + kx * peak[1]))
    own = [np.abs(a) ** 2, np.abs(b) ** 2, (b * a.conj() * back).real]
    power_a, power_b, alike = (np.bincount(ring.ravel(), (one * twice).ravel()) for one in own)
    count = np.bincount(ring.ravel(), np.broadcast_to(twice, ring.shape).ravel())
    part = np.maximum(alike, 0) ** 2 / (power_a * power_b + 1e-30)
    part = np.clip(part - 2 / np.maximum(count, 1), 0, ALIKE)  # noise alone is alike by chance
    return (part / (1 - part))[ring] if part.any() else None


def _near(product, peak, waves, upsample: int) -> np.ndarray:
    """The highest place about a peak, to one of so many parts of a pixel"""
    for steps, span in ((max(1, upsample // 5), COARSE), (upsample, FINE)):
        near = np.arange(-round(span * steps), round(span * steps) + 1) / steps
        peak = _refined(product, peak, waves, near)
    return peak


def _refined(product, peak, waves, near) -> np.ndarray:
    """The highest of some places about a peak"""
    ky, kx, twice = waves
    rows = np.exp(2j * np.pi * np.outer(peak[0] + near, ky))
    columns = np.exp(2j * np.pi * np.outer(kx, peak[1] + near)) * twice[:, None]
    height = ((rows @ product) @ columns).real
    i, j = np.unravel_index(height.argmax(), height.shape)
    return peak + np.array([near[i], near[j]])


@dataclass
class Path:
    """Places of n images. places : (n, 2) px, the first 0; residual : (n,) px of each image, the median over
    its pairs; rms : px over all pairs, each as it counts"""

    places: np.ndarray
    residual: np.ndarray
    rms: float


def path(n: int, pairs: np.ndarray, shifts: np.ndarray) -> Path:
    """The places whose differences fit the shifts of pairs best, those that do not fit counting little.

    pairs : (p, 2) numbers i, j; shifts : (p, 2) px, of j against i. Least squares with the weights of Cauchy
    about a scale from the median of the residuals (Holland and Welsch 1977, doi:10.1080/03610927708827533).
    """
    p, rows = len(pairs), np.arange(len(pairs))
    matrix = np.zeros((p, n))
    matrix[rows, pairs[:, 1]], matrix[rows, pairs[:, 0]] = 1, -1
    weight, inner = np.ones(p), matrix[:, 1:]
    for _ in range(ROUNDS):
        weighed = inner * weight[:, None]
        own = np.linalg.solve(weighed.T @ inner + 1e-9 * np.eye(n - 1), weighed.T @ shifts)
        places = np.vstack([np.zeros((1, 2)), own])
        off = np.hypot(*(shifts - (places[pairs[:, 1]] - places[pairs[:, 0]])).T)
        scale = 1.48 * np.median(off) + 1e-3
        weight = 1 / (1 + (off / (CAUCHY * scale)) ** 2)
    each = [np.median(off[(pairs == k).any(1)]) for k in range(n)]
    return Path(places, np.array(each), float(np.sqrt((weight * off**2).sum() / weight.sum())))
