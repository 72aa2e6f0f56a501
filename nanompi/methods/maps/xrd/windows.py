"""Where the peaks of a pattern are: windows about them, given or found in the mean of all patterns."""

import numpy as np

from nanompi.errors import DataError, JobError

CLEAR = 10.0  # noise of the mean pattern: a peak stands out by so much
REACH = 3.0  # full widths on both sides of a peak that belong to its window
FEWEST = 8  # bins of a window: six parameters are fitted
MOST = 12  # peaks that are found, the strongest


def windows(given: list, x: np.ndarray, mean: np.ndarray, name: str) -> list[slice]:
    """Runs of bins, one for each peak, in rising order.

    given : [[low, high] ...] in the unit of x; [] = found in the mean pattern. Errors: JobError, DataError.
    """
    out = [_given(one, x, name) for one in given] if given else found(x, mean)
    if not out:
        raise DataError(
            f"{name}: no peak stands out of the mean pattern; name the windows (`windows: [[low, high]]`)"
        )
    return out


def _given(one, x: np.ndarray, name: str) -> slice:
    if len(one) != 2 or not one[0] < one[1]:
        raise JobError(f"{name}.windows: two rising numbers are needed for each peak, not {one}")
    first, last = np.searchsorted(x, one)
    if last - first < FEWEST:
        raise JobError(
            f"{name}.windows: {one} holds {last - first} of the {len(x)} values of a pattern, which go from "
            f"{x[0]:.4g} to {x[-1]:.4g}; a peak needs {FEWEST}: give a wider window (or more `bins`)"
        )
    return slice(int(first), int(last))


def found(x: np.ndarray, mean: np.ndarray) -> list[slice]:
    """Windows about what stands out of a pattern; NaN = no bin there."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d
    from scipy.signal import find_peaks, peak_widths

    y = np.interp(x, x[np.isfinite(mean)], mean[np.isfinite(mean)]) if np.isfinite(mean).any() else mean
    if not np.isfinite(y).all():
        return []
    noise = 1.4826 * np.median(abs(np.diff(y) - np.median(np.diff(y)))) / np.sqrt(2)
    wide = max(5, len(y) // 20)
    above = y - uniform_filter1d(minimum_filter1d(y, wide), wide)
    peaks, about = find_peaks(y, prominence=max(CLEAR * noise, 0.03 * above.max()), width=1.5)
    strongest = np.sort(np.argsort(about["prominences"])[::-1][:MOST])
    peaks = peaks[strongest]
    half = REACH * peak_widths(y, peaks, 0.5)[0]
    middles = [0, *((peaks[1:] + peaks[:-1]) // 2), len(y)]
    runs = zip(peaks - half, peaks + half, middles, middles[1:])
    out = [slice(int(max(a, low)), min(int(min(b, high)) + 1, len(y))) for a, b, low, high in runs]
    return [one for one in out if one.stop - one.start >= FEWEST]
