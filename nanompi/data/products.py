"""Sums of products over all items of all ranks, to the bit: a' b of (n, p) and (n, q).

Values become two whole numbers of 20 bits each. Products of such are added up by plain matrix products of
float64 that round nothing, `SIDE` rows at a time, and these sums exactly: the same bits in any order, on any
number of ranks. What is lost is 2^-41 of the largest value in each factor.
"""

import numpy as np

from nanompi.data.exact import ExactSum

BITS = 20  # of a part; 2 BITS + log2(SIDE) is at most 52
SIDE = 2048  # rows of a matrix product


def products(team, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(p, q) float64: the sum over the rows of all ranks of a[i] b[i]' (collective).

    a, b : (n, p), (n, q) of this rank, finite
    """
    sizes = [float(team.max(float(max(one.max(initial=0.0), -one.min(initial=0.0))))) for one in (a, b)]
    units = [np.ldexp(1.0, int(np.frexp(size)[1]) - BITS) for size in sizes]
    sums = [ExactSum() for _ in range(3)]
    for i in range(0, max(1, len(a)), SIDE):
        (ah, al), (bh, bl) = (_parts(one[i : i + SIDE], unit) for one, unit in zip((a, b), units))
        for total, part in zip(sums, (ah.T @ bh, ah.T @ bl + al.T @ bh, al.T @ bl)):
            total.add(part[None])
    high, middle, low = (one.total(team) for one in sums)
    return (high + np.ldexp(middle, -BITS) + np.ldexp(low, -2 * BITS)) * units[0] * units[1]


def sums(team, a: np.ndarray, of=np.asarray) -> np.ndarray:
    """(p,) float64: the sum over the rows of all ranks (collective).

    of : what of some rows is added up, such as np.square; worked out for few of them at a time
    """
    own = ExactSum()
    for i in range(0, max(1, len(a)), SIDE):
        own.add(np.asarray(of(a[i : i + SIDE]), np.float64))
    return own.total(team)


def _parts(values: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers h, l of at most BITS bits with values = unit (h + l 2^-BITS), nearly"""
    scaled = values.astype(np.float64) / unit
    high = np.rint(scaled)
    return high, np.rint(np.ldexp(scaled - high, BITS))
