"""The steps of all frames from their slopes and curvatures, without what the data do not tell.

Each frame has two unknowns: d = -(H + damp m / 2)^-1 s, m the median over the frames of H_yy + H_xx
(Thibault & Guizar-Sicairos, doi:10.1088/1367-2630/14/6/063004, for the likelihood).

Errors of positions are taken as independent, normal and of one unknown variance t. The moves of a scan that
is right are noise alone, of variance v = SPREAD / H and that of rounding. So t = <d^2 - v>, weighted by
1 / v^2, which gives the least error where t is 0, and t / (t + 1 / H) of a move is likely. Frames that move
by no more than noise stay where they were measured.
"""

import numpy as np

FAST = 3.0  # steps longer than so many medians are cut: they are those of frames that are lost
SPREAD = 4.0  # variance of moves of frames that lie right, over 1 / H, which takes object and probe for known
FLAT = 1e-6  # of the product of the curvatures: a determinant below is no better known


def newton(sums: np.ndarray, damp: float) -> np.ndarray:
    """(n, 2) steps in pixels. sums : (n, 5) slopes and curvatures (`kernels.displacement`)"""
    slope, (yy, yx, xx) = sums[:, :2], sums[:, 2:].T
    more = damp * np.median(yy + xx) / 2 + 1e-12
    a, c = yy + more, xx + more
    size = np.maximum(a * c - yx**2, FLAT * a * c + 1e-30)
    y, x = c * slope[:, 0] - yx * slope[:, 1], a * slope[:, 1] - yx * slope[:, 0]
    return -np.stack([y, x], 1) / size[:, None]


def likely(moves: np.ndarray, curvature: np.ndarray, grid: int) -> np.ndarray:
    """(n, 2) what is likely of moves that fit the counts best.

    moves : (n, 2) px, of mean 0; curvature : (n, 3) yy, yx, xx of -log of the likelihood
    grid : parts of a pixel to which places are rounded
    """
    yy, yx, xx = curvature.T
    size = np.maximum(yy * xx - yx**2, FLAT * yy * xx + 1e-30)
    alone = np.stack([xx, yy], 1) / size[:, None]
    noise = SPREAD * alone + 1 / (12 * grid**2)
    weight = np.maximum(noise, np.median(noise)) ** -2
    errors = max(0.0, float((weight * (moves**2 - noise)).sum() / weight.sum()))
    return moves * (errors / (errors + alone))


def cut(steps: np.ndarray, longest: float) -> np.ndarray:
    """No step longer than `longest` px, nor than FAST medians."""
    length = np.hypot(*steps.T)
    limit = min(longest, max(FAST * float(np.median(length)), 1e-3))
    return steps * np.minimum(1, limit / np.maximum(length, 1e-9))[:, None]


def within(displacements: np.ndarray, reach: float) -> np.ndarray:
    """No frame further than `reach` px from where it was measured."""
    length = np.hypot(*displacements.T)
    return displacements * np.minimum(1, reach / np.maximum(length, 1e-9))[:, None]
