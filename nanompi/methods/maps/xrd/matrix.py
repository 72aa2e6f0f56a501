"""The shares that each pixel has in the bins of a pattern, by its bounding box in angle and azimuth.

A pixel covers r - dr ... r + dr, dr the largest distance of its corners from its centre, evenly; so in
azimuth. What it counts where the pattern is 1 is the solid angle that it sees, cos^3 of the incidence,
and the polarisation, (1 + cos^2 2t - P cos 2chi sin^2 2t) / 2 (P 1: in the plane of axis 2).
"""

from dataclasses import dataclass

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.maps.xrd.geometry import Geometry

BAND = 1 << 17  # pixels worked on at once


@dataclass
class Bins:
    """What a pattern is made over: so many bins of equal width in [low, high], and sectors of the azimuth."""

    unit: str
    number: int
    low: float
    high: float
    sectors: int = 1

    @property
    def edges(self) -> np.ndarray:
        """(number + 1,)"""
        return np.linspace(self.low, self.high, self.number + 1)

    @property
    def centres(self) -> np.ndarray:
        """(number,)"""
        return self.low + (self.high - self.low) / self.number * (np.arange(self.number) + 0.5)

    @property
    def azimuths(self) -> np.ndarray:
        """(sectors,) deg, middles; 0 is along the columns, 90 along the rows"""
        return -180 + 360 / self.sectors * (np.arange(self.sectors) + 0.5)


@dataclass
class Pixels:
    """Some rows of a detector: radial coordinate and its half width, azimuth likewise (rad), norm; (n,)."""

    r: np.ndarray
    dr: np.ndarray
    chi: np.ndarray
    dchi: np.ndarray
    norm: np.ndarray


def pixels(geometry: Geometry, shape, rows: slice, unit: str, polarisation: float | None) -> Pixels:
    """Of some rows."""
    i, j = np.arange(rows.start, rows.stop + 1.0)[:, None], np.arange(shape[1] + 1.0)[None]
    t1, t2, t3, cosine = geometry.lab(i[:-1] + 0.5, j[:, :-1] + 0.5, shape)
    two_theta, chi = np.arctan2(np.hypot(t1, t2), t3), np.arctan2(t1, t2)
    u1, u2, u3, _ = geometry.lab(i, j, shape)
    r, corner = geometry.radial(two_theta, unit), geometry.radial(np.arctan2(np.hypot(u1, u2), u3), unit)
    dr = _furthest(corner, lambda c: abs(c - r))
    dchi = _furthest(np.arctan2(u1, u2), lambda c: abs((c - chi + np.pi) % (2 * np.pi) - np.pi))
    norm = cosine**3
    if polarisation is not None:
        sin2 = np.sin(two_theta) ** 2
        norm = norm * 0.5 * (2 - sin2 - polarisation * np.cos(2 * chi) * sin2)
    return Pixels(*(np.ascontiguousarray(a).ravel() for a in (r, dr, chi, dchi, norm)))


def _furthest(corners: np.ndarray, distance) -> np.ndarray:
    """Largest distance of the four corners of each pixel."""
    out = 0.0
    for a in (slice(None, -1), slice(1, None)):
        for b in (slice(None, -1), slice(1, None)):
            out = np.maximum(out, distance(corners[a, b]))
    return out


def bands(shape):
    """Runs of rows of about BAND pixels."""
    step = max(1, BAND // shape[1])
    return [slice(i, min(i + step, shape[0])) for i in range(0, shape[0], step)]


def limits(geometry: Geometry, shape, good: np.ndarray, unit: str) -> tuple[float, float]:
    """Lowest and highest radial coordinate that good pixels cover. Errors: DataError where none is good."""
    low, high = np.inf, 0.0
    for rows in bands(shape):
        own, some = pixels(geometry, shape, rows, unit, None), good[rows].ravel()
        low = min(low, (own.r - own.dr)[some].min(initial=np.inf))
        high = max(high, (own.r + own.dr)[some].max(initial=0.0))
    if not np.isfinite(low):
        raise DataError(
            "mask: it leaves no pixel of the frames; is it the wrong way round (`mask: {invert: true}`)?"
        )
    return max(0.0, float(low)), float(high)


@dataclass
class Matrix:
    """first, bin, share : by pixel, as the kernel `integrate_frames` has them; norm : (P,) float32
    rings : (first, pixel), the good pixels of each radial bin by their centres"""

    first: np.ndarray
    bin: np.ndarray
    share: np.ndarray
    norm: np.ndarray
    rings: tuple[np.ndarray, np.ndarray]

    @property
    def by_bin(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(first, pixel, share) by bins, as a card takes them."""
        order = np.argsort(self.bin, kind="stable")
        pixel = np.repeat(np.arange(len(self.norm), dtype=np.int32), np.diff(self.first))
        bins = int(self.bin.max(initial=-1)) + 1
        first = np.searchsorted(self.bin[order], np.arange(bins + 1)).astype(np.int32)
        return first, pixel[order], self.share[order]


def matrix(geometry: Geometry, shape, good: np.ndarray, bins: Bins, polarisation: float | None) -> Matrix:
    """Shares of the good pixels of frames of a shape."""
    kind = np.uint16 if bins.number * bins.sectors < 1 << 16 else np.int32
    parts, norm, rings = [], [], []
    for rows in bands(shape):
        own, some = pixels(geometry, shape, rows, bins.unit, polarisation), good[rows].ravel()
        parts.append(_shares(own, some, bins, kind))
        norm.append(own.norm.astype(np.float32))
        at = np.floor((own.r - bins.low) / (bins.high - bins.low) * bins.number)
        rings.append(np.where(some & (at >= 0) & (at < bins.number), at, -1).astype(np.int32))
    many, to, share = (np.concatenate(part) for part in zip(*parts))
    first = np.zeros(len(many) + 1, np.int32)
    np.cumsum(many, out=first[1:])
    return Matrix(first, to, share, np.concatenate(norm), _rings(np.concatenate(rings), bins.number))


def shared(made: Matrix, bins: Bins) -> np.ndarray:
    """How far neighbouring bins count the same: covariance of the bins b and b + d of a pattern of 1.

    sum w_b w_(b+d) norm / (sum w_b norm sum w_(b+d) norm) over the pixels, mean over the sectors, (D, number)
    with D the most bins that a pixel covers; NaN where a bin has no pixel.
    """
    from scipy import sparse

    size, P = bins.number * bins.sectors, len(made.norm)
    every = sparse.csr_array((size, size))
    for i in range(0, P, BAND):
        own = slice(made.first[i], made.first[min(i + BAND, P)])
        first = made.first[i : min(i + BAND, P) + 1] - own.start
        entries = made.share[own].astype(float), made.bin[own].astype(np.int64), first.astype(np.int64)
        A = sparse.csr_array(entries, shape=(len(first) - 1, size))
        every += A.T @ A.multiply(made.norm[i : i + BAND, None]).tocsr()
    every, total = every.tocoo(), np.zeros(size)
    for i in range(0, P, BAND):
        total += _seen(made, i, min(i + BAND, P), size)
    return _by_distance(every, total, bins)


def _seen(made: Matrix, i: int, j: int, size: int) -> np.ndarray:
    """(size,) share x norm of some pixels"""
    own, many = slice(made.first[i], made.first[j]), np.diff(made.first[i : j + 1])
    return np.bincount(made.bin[own], made.share[own] * np.repeat(made.norm[i:j], many), size)


def _by_distance(every, total: np.ndarray, bins: Bins) -> np.ndarray:
    """(D, number) of pairs of bins in one sector"""
    (a, b), n = every.coords, bins.number
    own = (a // n == b // n) & (b >= a)
    a, b, values = a[own], b[own], (every.data / (total[a] * total[b]))[own]
    sums = np.zeros((int((b - a).max(initial=0)) + 1, n))
    np.add.at(sums, (b - a, a % n), values)
    many = (total.reshape(-1, n) > 0).sum(0)
    return sums / np.where(many, many, np.nan)


def _rings(ring: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    used = np.flatnonzero(ring >= 0)
    order = used[np.argsort(ring[used], kind="stable")].astype(np.int32)
    return np.searchsorted(ring[order], np.arange(number + 1)).astype(np.int32), order


def _shares(own: Pixels, good: np.ndarray, bins: Bins, kind) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(entries of each pixel, their bins, their shares)"""
    width = (bins.high - bins.low) / bins.number
    used = np.flatnonzero(good)
    pixel, at, share = _covered((own.r - bins.low)[used] / width, own.dr[used] / width, bins.number)
    if bins.sectors > 1:
        wide = 2 * np.pi / bins.sectors
        who, sector, part = _covered((own.chi[used] + np.pi) / wide, own.dchi[used] / wide, None)
        sector %= bins.sectors
        pixel, at, share = _both((pixel, at, share), (who, sector, part), len(used), bins.number)
    many = np.zeros(len(good), np.int32)
    many[used] = np.bincount(pixel, minlength=len(used))
    return many, at.astype(kind), share.astype(np.float32)


def _covered(middle: np.ndarray, half: np.ndarray, number: int | None):
    """(interval, bin, part) for each bin of width 1 that an interval covers; within 0 ... number, or
    anywhere."""
    half = np.maximum(half, 1e-9)
    low, high = np.floor(middle - half), np.floor(middle + half)
    if number is not None:
        low, high = np.maximum(low, 0), np.minimum(high, number - 1)
    many = np.maximum(high - low + 1, 0).astype(np.int64)
    which = np.repeat(np.arange(len(middle)), many)
    at = np.repeat(low, many) + np.arange(len(which)) - np.repeat(np.cumsum(many) - many, many)
    a, b = (middle - half)[which], (middle + half)[which]
    part = (np.minimum(b, at + 1) - np.maximum(a, at)) / (b - a)
    keep = part > 0
    return which[keep], at[keep].astype(np.int64), part[keep]


def _both(radial, azimuth, n: int, number: int):
    """All pairs of a radial and an azimuthal bin of each pixel: (pixel, bin, share)."""
    (pixel, at, share), (who, sector, part) = radial, azimuth
    many = np.bincount(who, minlength=n)
    begin = np.cumsum(many) - many
    times = many[pixel]
    entry = np.repeat(np.arange(len(pixel)), times)
    other = (
        np.repeat(begin[pixel], times) + np.arange(len(entry)) - np.repeat(np.cumsum(times) - times, times)
    )
    return pixel[entry], sector[other] * number + at[entry], share[entry] * part[other]
