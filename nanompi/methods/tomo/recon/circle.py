"""Where a slice is known: the circle that all rays meet."""

import numpy as np


def radius(rays, axes: np.ndarray, part: float) -> np.ndarray:
    """(k,) px: the radius of each row's circle, `part` of what the detector sees around its axis."""
    return part * np.minimum(axes, rays.columns - 1 - axes)
