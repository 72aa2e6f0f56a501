"""Which columns stand out of all (algorithm 4 of Vo et al. 2018, doi:10.1364/OE.26.028396)."""

import numpy as np

INNER = 0.25  # of the sorted values at each end that the line does not see
LEAST = 1e-5  # rise of the line; with less there is no noise to compare with


def outliers(values: np.ndarray, snr: float) -> np.ndarray:
    """(K,) bool: far above or below what a straight line through the middle half of the sorted values says.

    values : (K,) about 1. The rise of the line from end to end is the noise; values stand out by half of
    `snr` times it, where the largest (the smallest) does so by `snr` times.
    """
    n, rising = len(values), np.sort(values)
    inner = int(INNER * n)
    middle = slice(inner, n - inner - 1)
    if n - 2 * inner - 1 < 2:
        return np.zeros(n, bool)
    slope, low = np.polyfit(np.arange(n, dtype=float)[middle], rising[middle], 1)
    high, noise = low + slope * (n - 1), abs(slope * (n - 1))
    out = np.zeros(n, bool)
    if noise < LEAST:
        return out
    if abs(rising[-1] - high) >= snr * noise:
        out |= values > high + noise * snr / 2
    if abs(low - rising[0]) >= snr * noise:
        out |= values <= low - noise * snr / 2
    return out


def grown(mask: np.ndarray) -> np.ndarray:
    """(K,) bool: with the neighbours on both sides."""
    out = mask.copy()
    out[1:] |= mask[:-1]
    out[:-1] |= mask[1:]
    return out
