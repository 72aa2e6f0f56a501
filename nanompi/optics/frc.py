"""Fourier ring correlation of two images, and the resolution where it falls below a threshold."""

from dataclasses import dataclass

import numpy as np

SEVENTH = 1 / 7  # a threshold: where structure and noise of a half are alike


@dataclass
class Curve:
    """Fourier ring correlation.

    frequency : (rings,) cycles per pixel (the larger side of one), up to 0.5
    value     : (rings,) -1..1
    half_bit  : (rings,) threshold
    window    : side of the square that was used, px
    """

    frequency: np.ndarray
    value: np.ndarray
    half_bit: np.ndarray
    window: int


def frc(a: np.ndarray, b: np.ndarray, mask: np.ndarray, pixel=(1.0, 1.0)) -> Curve:
    """FRC(q) = Re sum A B* / sqrt(sum |A|² sum |B|²) over rings of one frequency step.

    a, b : (H, W) complex, aligned
    mask : (H, W) bool; the largest square inside it around its centre is used, less its mean, under a Hann
        window, so that the square's edges do not correlate.
    pixel : (2,) sides of a pixel in any unit: rings are round in it, not in pixels
    Half-bit threshold: `half_bit`, with n the pixels of a ring. The window makes neighbouring pixels depend
    on each other (its noise bandwidth is 1.5 per direction), so that n is 1.5² smaller: that is put in here.
    Errors: ValueError when the mask holds no square of 16 px.
    """
    box = largest_square(mask)
    n = box[0].stop - box[0].start
    if n < 16:
        raise ValueError(
            f"the common well-lit area holds a square of {n} px only; 16 px is the least for an FRC"
        )
    return curve_of(ring_sums(a[box], b[box], pixel), n)


def ring_sums(a: np.ndarray, b: np.ndarray, pixel=(1.0, 1.0)) -> np.ndarray:
    """(4, n // 2) float64: Re A B*, |A|², |B|² and 1, summed over rings, of two images (n, n), as in `frc`.

    Those of several pairs of images may be added up before `curve_of`.
    """
    n = len(a)
    hann = np.hanning(n + 2)[1:-1]
    A, B = (np.fft.fft2((v - v.mean()) * hann[:, None] * hann) for v in (a, b))
    ky, kx = (np.fft.fftfreq(n) * n * max(pixel) / d for d in pixel)
    ring = np.rint(np.hypot(ky[:, None], kx)).astype(int).ravel()
    terms = (A * B.conj()).real, np.abs(A) ** 2, np.abs(B) ** 2, np.ones((n, n))
    return np.stack([np.bincount(ring, v.ravel())[1 : n // 2 + 1] for v in terms])


def curve_of(sums: np.ndarray, n: int) -> Curve:
    """The curve of what `ring_sums` gave for images of (n, n)."""
    cross, aa, bb, count = sums
    value = cross / np.sqrt(np.maximum(aa * bb, 1e-300))
    return Curve(np.arange(1, n // 2 + 1) / n, value, half_bit(count * 4 / 9), n)


def half_bit(n: np.ndarray) -> np.ndarray:
    """FRC of two half data sets where the whole carries half a bit per pixel, n independent pixels a ring.

    van Heel & Schatz, J. Struct. Biol. 151 (2005) 250, doi:10.1016/j.jsb.2005.05.009:
    T = (S + 2 sqrt(S/n) + 1/sqrt(n)) / (S + 1 + 2 sqrt(S/n)), S = (sqrt(2) - 1) / 2
    """
    S, root = (np.sqrt(2) - 1) / 2, np.sqrt(n)
    return (S + (2 * np.sqrt(S) + 1) / root) / (S + 1 + 2 * np.sqrt(S) / root)


def crossing(curve: Curve, threshold) -> float | None:
    """Cycles per px where the curve, smoothed over 3 rings, first falls below; None when it never does.

    The first two rings hold few pixels and are not judged.
    """
    smooth = np.convolve(np.pad(curve.value, 1, mode="edge"), np.full(3, 1 / 3), "valid")
    above = smooth - threshold
    below = np.flatnonzero(above[2:] < 0) + 2
    if not len(below):
        return None
    i = below[0]
    rise = above[i - 1]
    part = rise / (rise - above[i]) if rise > 0 else 1.0
    return float(curve.frequency[i - 1] + part * (curve.frequency[i] - curve.frequency[i - 1]))


def largest_square(mask: np.ndarray) -> tuple[slice, slice]:
    """Slices of the largest square of even side inside the mask, around the mask's centre."""
    rows, columns = np.nonzero(mask)
    y, x = (int(i.mean() + 1) for i in (rows, columns)) if len(rows) else (0, 0)  # first px beyond the middle
    half = 0
    while _fits(mask, y, x, half + 1):
        half += 1
    return slice(y - half, y + half), slice(x - half, x + half)


def _fits(mask: np.ndarray, y: int, x: int, half: int) -> bool:
    if min(y, x) < half or y + half > mask.shape[0] or x + half > mask.shape[1]:
        return False
    return bool(mask[y - half : y + half, x - half : x + half].all())
