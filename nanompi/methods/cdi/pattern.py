"""The measured pattern as the iterations need it: counts, which pixels are known, which are held out."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.errors import DataError

ISLAND = 3  # pixels along each side of an island that is held out: neighbours tell each other
SEEN = 0.6  # of the power of a pattern: about its centre no less is seen with what is opposite
DARK = 0.01  # of the counts further out: less is no light
FULL = 4  # pixels with the same largest count
BRIGHT = 5.0  # counts, below which a dark centre may be chance
CORE = 0.05  # of the width: nearer to the centre nothing is held out


@dataclass
class Pattern:
    """One diffraction pattern in FFT order: the centre is at index 0 of each axis.

    counts : (h, w) or (d, h, w) float32, 0 where nothing was measured
    good   : bool, measured pixels that the iterations see
    held   : bool, measured pixels that they do not see, to judge what they found
    centre : px, where the centre was in the stored pattern; shape : of the stored pattern
    notes  : of the preparation, for log and result
    """

    counts: np.ndarray
    good: np.ndarray
    held: np.ndarray
    centre: tuple[float, ...]
    stored: tuple[int, ...]
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """(h, w) or (d, h, w)"""
        return self.counts.shape

    @property
    def photons(self) -> float:
        """All counts that were measured."""
        return float(self.counts.sum(dtype=np.float64))


def sum_up(frames: np.ndarray, saturated: float | None, where: str) -> tuple[np.ndarray, np.ndarray]:
    """(counts, good) of exposures (n, rows, columns): a pixel that is known in some of them counts for all.

    counts : (rows, columns) float64, sum over the exposures in which the pixel is known, times the number of
        exposures over that of those; good : bool
    A pixel of an exposure is not known where it is negative, not finite, or at least `saturated`.
    Errors: DataError where no pixel is known.
    """
    total, seen = np.zeros(frames.shape[1:]), np.zeros(frames.shape[1:], np.int64)
    for frame in frames:
        known = np.isfinite(frame) & (frame >= 0)
        known &= True if saturated is None else frame < saturated
        total += np.where(known, frame, 0)
        seen += known
    if not seen.any():
        raise DataError(f"{where}: no pixel holds a count (all are negative, not finite or saturated)")
    return total * (len(frames) / np.maximum(seen, 1)), seen > 0


def friedel_centre(counts: np.ndarray, good: np.ndarray) -> tuple[float, ...]:
    """Where the pattern has its centre: px along each axis, to half a pixel.

    Intensities at q and -q are alike, the more so the weaker and the more real the object. For each place the
    pattern is compared with itself turned about it, where both are known: the sum of products over the sum of
    squares is 1 where they are the same. Only places count about which half of the power is seen. Logarithms
    are taken, so that the few brightest pixels do not decide alone.
    """
    from scipy.fft import irfftn, next_fast_len, rfftn

    values = np.where(good, np.log1p(counts), 0)
    size = [next_fast_len(2 * n, real=True) for n in values.shape]
    V, known = rfftn(values, size), rfftn(good.astype(float), size)
    squares = irfftn(rfftn(values * values, size) * known, size)
    enough = squares > SEEN * (values * values).sum()
    alike = np.where(enough, irfftn(V * V, size) / np.where(enough, squares, 1), 0)
    return tuple(float(k) / 2 for k in np.unravel_index(np.argmax(alike), alike.shape))


def in_fft_order(counts: np.ndarray, good: np.ndarray) -> bool:
    """Is the centre at index 0 of each axis, with what is opposite on the other sides?

    About there it is brighter by far than elsewhere and in the middle, and alike when turned about index 0:
    so no corner that is bright by chance, or by a beam beside the detector.
    """
    known = np.where(good, counts, 0.0)
    near, middle = (frequency(counts.shape) < 2 * CORE) & good, np.fft.fftshift(frequency(counts.shape))
    middle = (middle < 2 * CORE) & good
    if not near.any() or not middle.any():
        return False
    least = 3 * max(known[middle].mean(), known[good].mean())
    mirror = np.ix_(*(-np.arange(n) for n in counts.shape))
    both = near & good[mirror]
    v, w = np.log1p(known[both]), np.log1p(known[mirror][both])
    return bool(known[near].mean() > least and (v * w).sum() > 0.9 * (v * v).sum() > 0)


def dark_centre(counts: np.ndarray, good: np.ndarray, centre) -> dict[str, Any] | None:
    """Zeros about the centre of a bright pattern, as a beam stop leaves them that no mask covers: {"radius":
    px, "words", "paste"}; None where there are none.

    A ring of one pixel's width is dark where most of its good pixels hold less than DARK times the mean of
    the first bright ring. From the centre on at least two rings must be, and the bright one must hold so many
    counts that no chance leaves it empty. An arm of the stop is dark further out, and not told from the rest.
    """
    away = distance(counts.shape, centre)
    near = (away < min(counts.shape) / 3) & good
    ring = np.rint(away[near]).astype(int)
    values, pixels = counts[near], np.bincount(ring)
    means = np.bincount(ring, values) / np.maximum(pixels, 1)
    if not len(means) or means.max() < BRIGHT:
        return None
    bright = int(np.argmax(means > means.max() / 4))
    empty = np.bincount(ring, values < DARK * means[bright], len(means)) / np.maximum(pixels, 1)
    inner = int(np.argmin((empty > 0.5) & (pixels > 0)))  # the first that is not
    if inner < 2 or pixels[:inner].sum() < 5:
        return None
    radius = inner + int(np.argmax(empty[inner : inner + 4] < 0.1))
    words = (
        f"nearly all pixels within {radius} px of the centre hold no counts, though {means[bright]:.4g} are "
        "in each of the next: a beam stop without a mask"
    )
    return {"radius": radius, "words": words, "paste": f"stop: {radius} px"}


def fast(n: int) -> int:
    """The largest even length of at most n that has no prime factor above 7."""
    for size in range(n - n % 2, 1, -2):
        rest = size
        for p in (2, 3, 5, 7):
            while rest % p == 0:
                rest //= p
        if rest == 1:
            return size
    return 2


def cropped(counts, good, centre, size: int | None, where: str) -> tuple[np.ndarray, np.ndarray]:
    """The largest window about the centre whose sides transforms like, in FFT order; counts 0 where bad.

    size : px of each side at most; None = as large as it goes
    Errors: DataError where the centre lies outside, or so near to an edge that nothing is left.
    """
    middle = [int(np.floor(c + 0.5)) for c in centre]
    for axis, (c, n) in enumerate(zip(middle, counts.shape)):
        if not 0 <= c < n:
            raise DataError(f"{where}: the centre {tuple(centre)} lies outside of the pattern {counts.shape}")
        room = 2 * min(c, n - c)
        if room < 16:
            raise DataError(
                f"{where}: the centre lies at {c} of {n} along axis {axis}: a window of {room} about it is "
                "too small; the centre must be 8 px from each edge at least (cdi.centre: row and column)"
            )
    half = [fast(min(2 * min(c, n - c), size or n)) // 2 for c, n in zip(middle, counts.shape)]
    box = tuple(slice(c - h, c + h) for c, h in zip(middle, half))
    counts, good = np.fft.ifftshift(counts[box]), np.fft.ifftshift(good[box])
    return np.where(good, counts, 0).astype(np.float32), good


def held_out(good: np.ndarray, part: float, seed: int) -> np.ndarray:
    """bool: islands of ISLAND pixels each way, at random, that cover about this part of the good pixels.

    None lies about the centre: what is brightest decides on the object, and cannot be missed.
    """
    out = np.zeros(good.shape, bool)
    if not part:
        return out
    rng = np.random.default_rng([seed, 7])
    many = int(np.ceil(part * good.size / ISLAND**good.ndim))
    corners = np.stack([rng.integers(0, n, many) for n in good.shape], 1)
    for corner in corners:
        out[np.ix_(*[(c + np.arange(ISLAND)) % n for c, n in zip(corner, good.shape)])] = True
    return out & good & (frequency(good.shape) > CORE)


def cut_off(counts: np.ndarray, good: np.ndarray) -> dict[str, Any] | None:
    """Pixels that are full: {"words", "paste"} where at least FULL of them hold the same largest count, as no
    chance gives to a bright pattern; else None."""
    values = counts[good]
    if not values.size or values.max() < 20 * BRIGHT:
        return None
    most = float(values.max())
    full = int((values == most).sum())
    if full < FULL:
        return None
    words = f"{full} pixels hold the same largest count, {most:g}: they are full, and not known"
    return {"words": words, "paste": f"saturated: {most:g}"}


def distance(shape, centre) -> np.ndarray:
    """px, float64, of each pixel from a place."""
    squares = np.float64(0)
    for axis, (n, c) in enumerate(zip(shape, centre)):
        along = (np.arange(n) - c) ** 2
        squares = squares + along.reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return np.sqrt(squares)


def frequency(shape) -> np.ndarray:
    """Distance from the centre in FFT order, in parts of the width: 0 to 0.5 along each axis; float32."""
    squares = np.float32(0)
    for axis, n in enumerate(shape):
        along = np.fft.fftfreq(n).astype(np.float32) ** 2
        squares = squares + along.reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return np.sqrt(squares)
