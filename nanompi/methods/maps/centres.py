"""The centre of the light of a frame, which follows the slope of the phase: which pixels tell it."""

import numpy as np


def of_centre(mask: np.ndarray, beam) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(h, w) bool, pixels that tell where the light is; (h,) and (w,) px, their places from the beam.

    A pixel that is masked takes its mirror image about the beam with it, else gaps would pull the centre.
    mask : (h, w) bool, measured; beam : row and column where the beam hits the frame, (0, 0) in FFT order
    """
    y, x = (_places(n, at) for n, at in zip(mask.shape, beam))
    return mask & mask[np.ix_(_mirror(y), _mirror(x))], y, x


def _places(n: int, at: float) -> np.ndarray:
    """(n,) px, places of rows or columns from the beam, in -n/2 ... n/2: frames may be in FFT order."""
    return (np.arange(n) - at + n / 2) % n - n / 2


def _mirror(places: np.ndarray) -> np.ndarray:
    """Number of the pixel that is nearest to the mirror image of each; without one, its own."""
    order = np.argsort(places)
    at = order[np.clip(np.searchsorted(places[order], -places - 0.5), 0, len(places) - 1)]
    return np.where(np.abs(places[at] + places) <= 0.5, at, np.arange(len(places)))
