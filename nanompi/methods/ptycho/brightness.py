"""How bright the frames are: what the beam does to their sums, and what the object does.

An object lets more or less light through from place to place, but nearly the same in a frame and in the one
next to it, which overlaps. A beam that fluctuates does not know of places. So half the mean square of the
difference of log sums between nearest frames, over the variance of log sums, is 0.1 to 0.4 where the object
alone makes them vary (30 simulated scans, amplitudes from 0.9 down to 0.1), and 1 where the beam alone does.
Frames that hardly overlap cannot tell the two apart; there the object makes less of a difference.
"""

import numpy as np

OWN = 0.5  # of the variance: from here on the beam outweighs the object
HARM = 0.1  # relative rms below which no search is misled
FEW = 100  # places for which all distances take less time than the import of SciPy


def fluctuation(positions: np.ndarray, sums: np.ndarray) -> tuple[float, float]:
    """(relative rms by which frames differ from those next to them, its part in the variance of all).

    positions : (n, 2) m, 2 or more; sums : (n,) counts
    """
    x = np.log(np.maximum(sums, 1))
    between = 0.5 * np.mean((x - x[_nearest(positions)]) ** 2)
    return float(np.sqrt(between)), float(between / max(x.var(), 1e-30))


def _nearest(positions: np.ndarray) -> np.ndarray:
    """(n,) int64: which of the others is nearest to each place."""
    if len(positions) > FEW:
        from scipy.spatial import cKDTree

        return cKDTree(positions).query(positions, k=2)[1][:, 1]
    apart = np.square(positions[:, None] - positions).sum(-1)
    np.fill_diagonal(apart, np.inf)
    return apart.argmin(1)


def brightness(positions: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """(n,) intensity of the exposures over their mean: that of the sums where the beam fluctuates, else 1."""
    if len(sums) < 2:
        return np.ones(len(sums))  # nothing to compare it with
    rms, part = fluctuation(positions, sums)
    noise = np.sqrt(np.mean(1 / np.maximum(sums, 1)))
    if part < OWN or rms < max(HARM, 2 * noise):
        return np.ones(len(sums))
    return np.maximum(sums, 1) / max(sums.mean(), 1)
