"""Windows that slide over an image, in plain NumPy: for a look at some frames, which takes less time than the
import of SciPy."""

from itertools import count

import numpy as np


def joined(a: np.ndarray, across: int, join=np.maximum) -> np.ndarray:
    """(H - across + 1, W - across + 1): all pixels of the square that begins at each, joined into one.

    a : (H, W). join : a ufunc that may meet a pixel twice: maximum, minimum, logical_and. The window grows by
    doubling, so that 15 pixels take 4 turns an axis.
    """
    for axis in (0, 1):
        a, reach = np.moveaxis(a, axis, 0), 1
        while reach < across:
            step = min(reach, across - reach)
            a, reach = join(a[:-step], a[step:]), reach + step
        a = np.moveaxis(a, 0, axis)
    return a


def highest(a: np.ndarray, across: int) -> np.ndarray:
    """(H, W): the largest of the square around each pixel; across : odd. As `ndimage.maximum_filter`."""
    return joined(np.pad(a, across // 2, mode="edge"), across)


def weighted(a: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(H - n + 1, W - n + 1): sum of the n x n pixels that begin at each, times weights[row] weights[column].

    a : (H, W), both at least n; weights : (n,)
    """
    for axis in (0, 1):
        a = np.moveaxis(a, axis, 0)
        left = len(a) - len(weights) + 1
        a = np.moveaxis(sum(w * a[k : k + left] for k, w in enumerate(weights)), 0, axis)
    return a


def blurred(a: np.ndarray, sigma: float) -> np.ndarray:
    """(H, W), of the same dtype: a Gaussian of sigma pixels, cut off at 4 sigma; beyond an edge the
    image begins again."""
    far = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-far, far + 1) / sigma) ** 2)
    return weighted(np.pad(a.astype(np.float64), far, mode="wrap"), weights / weights.sum()).astype(a.dtype)


def fast_length(n: int) -> int:
    """The least number from n on that has no other primes than 2, 3 and 5: a fast size of a transform."""
    return next(m for m in count(max(1, n)) if 30**30 % m == 0)
