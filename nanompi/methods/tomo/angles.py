"""The angles of projections: how much of the half turn each stands for, and how much all of them cover."""

import numpy as np

WIDE = 3  # times the usual gap: a wider one was not measured (those of golden angles differ by 2.6 at most)
SAME = 1e-6  # rad; closer directions are one, seen twice


def weights(angles) -> np.ndarray:
    """(A,) float64: the part of the half turn, in radians, that each projection stands for.

    angles : (A,) rad, in any order and over any range. Rays of opposite directions are the same, so
    directions count modulo pi. A projection has half the gap to each of its neighbours; one measured twice
    shares. A gap of more than `WIDE` times the usual one is a part that nobody measured, and counts as a
    usual one. The sum is pi where the half turn is covered, and 0 where all have one direction.
    """
    direction = np.mod(np.asarray(angles, np.float64), np.pi)
    order = np.argsort(direction, kind="stable")
    rising = direction[order]
    gaps = np.diff(rising, append=rising[:1] + np.pi)
    apart = gaps[gaps > SAME]
    if len(apart) < 2:
        return np.zeros(len(gaps))
    usual = np.quantile(apart, 0.5, method="lower")
    gaps = np.where(gaps > WIDE * usual, usual, gaps)
    share = np.empty(len(gaps))
    share[order] = (gaps + np.roll(gaps, 1)) / 2
    return share
