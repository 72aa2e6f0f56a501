"""Means of the object over squares of pixels, for a look at it while it is made: no rank needs the whole."""

import numpy as np


def cells(O, weight, corner, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums over squares of step x step pixels, laid out from the corner of the whole object.

    O, weight : (H, W) complex, real, of a box; corner : (2,) where the box begins in the whole
    Returns (first square (2,), sum of weight O (h, w) complex64, sum of weight (h, w) float32).
    """
    rows, columns = (_begins(int(c), n, step) for c, n in zip(corner, O.shape))
    made = [(O[a:b] * weight[a:b], weight[a:b]) for a, b in zip(rows, [*rows[1:], O.shape[0]])]
    light, lit = (np.add.reduceat(np.array([one.sum(0) for one in kind]), columns, 1) for kind in zip(*made))
    return np.asarray(corner) // step, light.astype(np.complex64), lit.astype(np.float32)


def _begins(corner: int, n: int, step: int) -> list[int]:
    """Where in a box the squares begin, along one axis"""
    return sorted({0, *range(-corner % step, n, step)})


def laid(parts: list, shape, step: int) -> tuple[np.ndarray, np.ndarray]:
    """(mean of the object (h, w) complex64, mean of the weight (h, w) float32) over the squares of all boxes.

    parts : as `cells` gives them, of which each pixel was in one box; shape : (2,) of the whole object.
    The object is 1 where there is no weight.
    """
    size = [-(-n // step) for n in shape]
    light, lit = np.zeros(size, np.complex64), np.zeros(size, np.float32)
    for (y, x), own_light, own_lit in parts:
        h, w = own_lit.shape
        light[y : y + h, x : x + w] += own_light
        lit[y : y + h, x : x + w] += own_lit
    seen = lit > 0
    light[seen] /= lit[seen]
    light[~seen] = 1
    return light, lit / step**2
