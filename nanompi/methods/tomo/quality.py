"""Figures of a reconstructed volume: without a truth, and against one that is known."""

import numpy as np


def figures(team, values: np.ndarray, rows: np.ndarray, truth=None) -> dict[str, float]:
    """Figures over the slices of all ranks (collective; the sums are rounded, and so the last digits).

    negative : sum of the negative values, of that of the positive ones. Attenuation is never negative: what
        a wrong axis, missing directions and noise leave beside edges is
    error    : where the truth is known, root mean square of the difference, of the largest true value
    values : (k, ..., y, x) slices of this rank; rows : (k,) their numbers
    truth  : a source of all true slices
    """
    sums, largest = np.zeros(4), 0.0  # negative, positive, squares, pixels
    for number, image in zip(rows, values):
        below = image[image < 0].sum(dtype=np.float64)
        sums[:2] += -below, image.sum(dtype=np.float64) - below
        if truth is not None:
            true = truth.read(np.array([number]))[0]
            sums[2:] += np.square(image - true, dtype=np.float64).sum(), image.size
            largest = max(largest, float(true.max()))
    team.sum(sums)
    largest = team.max(largest)
    negative, positive, squares, pixels = sums.tolist()
    own = {"negative": negative / positive if positive else 0.0}
    return own | ({"error": (squares / pixels) ** 0.5 / largest} if largest else {})
