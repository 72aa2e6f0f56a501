"""Background: counts that lie in each pixel of each frame and do not come through the object."""

import numpy as np

from nanompi.methods.ptycho.beam import mean_frame

BLUR, PART = 1.5, 0.01  # pixels; of the good pixels, which are no darker than the floor


def floor(p) -> float:
    """The floor of the mean frame: the 1 % quantile of its good pixels after a blur (collective)."""
    from scipy.ndimage import gaussian_filter

    good = (p.device.host(p.mask) > 0).astype(float)
    seen = gaussian_filter(mean_frame(p) * good, BLUR, mode="wrap") / np.maximum(
        gaussian_filter(good, BLUR, mode="wrap"), 1e-6
    )
    return float(np.quantile(seen[good > 0], PART))
