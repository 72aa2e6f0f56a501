"""Where projections stand, by their mass: what a sample weighs does not depend on the angle.

The sum of a projection along its rows is, at any angle, the same function of the height: each projection is
moved up or down until it meets the mean of all. The first moment along a row is that of the axis plus a
cosine of the angle (the first of the conditions of Helgason and Ludwig); what is left is a displacement.
Both hold as long as the whole sample is seen at each angle. Vertical mass: M. Odstrcil et al., Opt. Express
27, 36637 (2019), doi:10.1364/OE.27.036637; M. Guizar-Sicairos et al., Opt. Express 19, 21345 (2011),
doi:10.1364/OE.19.021345. Here level and slope of each profile of phases are free, since those of a
ptychographic image have any; outliers of the moments do not count; and a step is expected to be `STEP`, so
that profiles that are much the same at all heights do not run away.
"""

import numpy as np

from nanompi.methods.tomo.align.shift import along

ROUNDS, COARSE = 40, 25  # rounds in all, and those in which profiles are smoothed first
LARGEST = 1.5  # px of a step
STEP = 1.0  # px that are expected, where the noise hides how far it is
ROBUST = 10  # rounds against the median of all; then against their mean
TINY = 1e-30  # instead of no information at all
FAR = 4.0  # standard deviations: moments farther off do not count
TOUCHES = 0.05  # of the largest mass: more of it at an edge is no air
EDGE = 16  # air is expected in the outer 1/16 of the columns, at each side


def taper(n: int) -> np.ndarray:
    """(n,) 1 in the middle, 0 at both ends, where what was moved comes from beyond the edge."""
    from scipy.ndimage import gaussian_filter1d

    skip, weight = max(2, n // 16), np.zeros(n)
    weight[skip : n - skip] = 1
    return gaussian_filter1d(weight, skip / 3)


def vertical(profiles: np.ndarray, free: bool = True) -> np.ndarray:
    """(A,) px: how far each projection stands too low.

    profiles : (A, rows), the sums along the rows; free : level and slope of each say nothing
    """
    from scipy.ndimage import gaussian_filter1d

    A, n = profiles.shape
    y, weight, line = np.zeros(A), taper(n), np.arange(n) / n - 0.5
    for i in range(ROUNDS):
        now = np.stack([along(p, s, 0) for p, s in zip(profiles, y)])
        width = n / 12 * (1 - i / COARSE)
        now = gaussian_filter1d(now, width, axis=1) if width > 0.3 else now
        usual = np.median(now, 0) if i < ROBUST else now.mean(0)
        terms = np.stack([np.gradient(usual), *((np.ones(n), line) if free else ())], 1)
        weighed, rest = terms * weight[:, None], now - usual
        normal = np.repeat((weighed.T @ terms)[None], A, 0)
        normal[:, 0, 0] += (rest**2 @ weight) / weight.sum() / STEP**2 + TINY
        steps = np.linalg.solve(normal, (rest @ weighed)[..., None])[:, 0, 0]
        y -= np.clip(steps, -LARGEST, LARGEST)
        y -= y.mean()
    return y


def moments(image: np.ndarray, down: float, weight: np.ndarray) -> tuple[float, float]:
    """(mass, column of its middle) of a projection that stands `down` too low. weight : (rows,)"""
    profile = weight @ along(image.astype(np.float64), down, 0)
    mass = profile.sum()
    return float(mass), float(profile @ np.arange(len(profile)) / mass) if mass else 0.0


def horizontal(middles: np.ndarray, angles: np.ndarray, columns: int) -> np.ndarray:
    """(A,) px: how far each projection stands right of where the axis would be in the middle column.

    middles : (A,) px, column of the middle of the mass; angles : (A,) rad
    """
    terms = np.stack([np.ones(len(angles)), np.cos(angles), np.sin(angles)], 1)
    good = np.isfinite(middles)
    for _ in range(5):
        fit = np.linalg.lstsq(terms[good], middles[good], rcond=None)[0]
        off = middles - terms @ fit
        good = np.abs(off) <= FAR * 1.4826 * np.median(np.abs(off[good])) + 1e-9
    return off + fit[0] - (columns - 1) / 2


def touches(image: np.ndarray) -> bool:
    """Does the sample reach the left or the right edge of a projection?"""
    profile = image.sum(0, dtype=np.float64)
    edge = max(2, len(profile) // EDGE)
    largest = np.abs(profile).max()
    for side in (profile[:edge], profile[::-1][:edge]):
        steep = np.abs(side[-(edge // 2) :].mean() - side[: edge // 2].mean())
        if max(np.abs(side.mean()), steep) > TOUCHES * largest:
            return True
    return False
