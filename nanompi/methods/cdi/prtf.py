r"""The phase retrieval transfer function: how well many starts find the same phases, over the frequency.

    PRTF(q) = sum |mean_n F(psi_n)| / sum sqrt(I)        sums over the pixels at a distance q from the centre

It is 1 where all starts agree with each other and with the counts, and falls to 1 / sqrt(n) where their
phases are random. Where it falls below 1 / e is taken for the resolution (Chapman et al.,
doi:10.1364/JOSAA.23.001179, equation 23, who divide pixel by pixel: where there is no count that has no
value).
"""

from dataclasses import dataclass

import numpy as np

from nanompi.methods.cdi.pattern import Pattern, frequency

LEVEL = float(np.exp(-1))
LEAST = 8  # pixels of a ring: with fewer it says nothing


@dataclass
class Curve:
    """frequency : (n,) cycles per pixel of the object, 0 to 0.5; value : (n,) PRTF, NaN where nothing was
    measured; pixels : (n,) measured ones of each ring"""

    frequency: np.ndarray
    value: np.ndarray
    pixels: np.ndarray

    @property
    def crossing(self) -> float | None:
        """Frequency where it first falls below 1 / e and stays there for three rings; None: it never does."""
        known = np.flatnonzero(np.isfinite(self.value) & (self.pixels >= LEAST))
        q, v = self.frequency[known], self.value[known]
        below = v < LEVEL
        for k in range(len(v)):
            if below[k : k + 3].all():
                if k == 0:
                    return float(q[0])
                part = (v[k - 1] - LEVEL) / (v[k - 1] - v[k])
                return float(q[k - 1] + part * (q[k] - q[k - 1]))
        return None


def prtf(images: np.ndarray, pattern: Pattern, threads: int = 1) -> Curve:
    """Of images on each other, (k, *shape) complex, FFT order."""
    from scipy.fft import fftn

    mean = np.zeros(pattern.shape, np.complex64)
    for image in images:
        mean += fftn(image, workers=threads)
    mean /= len(images)
    n, known = max(pattern.shape), pattern.good | pattern.held
    ring = np.rint(frequency(pattern.shape) * n).astype(int)[known]
    bins = n // 2 + 1
    found = np.bincount(ring, np.abs(mean)[known], bins)[:bins]
    counts = np.sqrt(pattern.counts[known] * np.float32(pattern.counts.size))
    expected, pixels = np.bincount(ring, counts, bins)[:bins], np.bincount(ring, minlength=bins)[:bins]
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(expected > 0, found / expected, np.nan)
    return Curve(np.arange(bins) / n, value, pixels)
