"""How noisy projections are, from themselves: by it iterations know when to stop, and how much to smooth."""

import numpy as np

ORDER, NORM = 4, np.sqrt(70)  # of the differences along the columns, and root of the sum of their squares
NORMAL = 1.4826  # standard deviation of normal numbers, of the median of their absolute values


def noise(sinograms, xp) -> np.ndarray:
    """(k,) float64, standard deviation of a value of each of (k, A, columns) line integrals.

    The median of fourth differences along the columns: edges of the sample are few of them. What is 0 exactly
    was not measured. Noise that neighbours share is not seen.
    """
    difference = abs(xp.diff(sinograms, n=ORDER, axis=2))
    out = [_middle(one[one > 0], xp) for one in difference]
    return np.array(out) * (NORMAL / NORM)


def _middle(values, xp) -> float:
    return float(xp.median(values)) if len(values) else 0.0
