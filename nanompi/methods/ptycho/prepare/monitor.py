"""Normalisation by the incident intensity: the model is scaled, the counts keep their statistics."""

import numpy as np

from nanompi.errors import DataError


def scale(monitor, frames: int) -> np.ndarray:
    """(frames,) float32: intensity of each exposure over their mean. Errors: DataError naming the frame."""
    if monitor is None:
        raise DataError(
            "normalise: the scan file holds no monitor that can be used (the notes on the file say more); "
            "give its path, or leave `normalise` out"
        )
    m = np.asarray(monitor, np.float64).reshape(-1)
    if len(m) != frames:
        raise DataError(f"normalise: the monitor has {len(m)} values, the scan {frames} frames")
    bad = np.flatnonzero(~(np.isfinite(m) & (m > 0)))
    if len(bad):
        raise DataError(
            f"normalise: the monitor of frame {bad[0]} is {m[bad[0]]:g}, and it must be above 0 "
            f"({len(bad)} frames are like this)"
        )
    return (m / m.mean()).astype(np.float32)
