"""Which pixels of an array some frames see."""

import numpy as np


def touched(corners: np.ndarray, frame, shape) -> np.ndarray:
    """Pixels seen by frames (h, w) at these corners: (H, W) bool.

    corners : (n, 2) int, row and column; a frame may lie outside of the array in part, or wholly
    """
    (y, x), (v, u) = np.clip(corners, 0, shape).T, np.clip(corners + frame, 0, shape).T
    step = np.zeros((shape[0] + 1, shape[1] + 1), np.int32)
    for rows, columns, sign in ((y, x, 1), (v, u, 1), (y, u, -1), (v, x, -1)):
        np.add.at(step, (rows, columns), sign)
    return step.cumsum(0).cumsum(1)[:-1, :-1] > 0
