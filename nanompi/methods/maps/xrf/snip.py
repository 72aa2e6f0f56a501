"""The background of a spectrum under its peaks, by clipping them (SNIP).

Ryan et al., Nucl. Instrum. Methods B 34, 396 (1988), doi:10.1016/0168-583X(88)90063-8: on a scale that makes
peaks of all heights alike, v = ln(ln(sqrt(y + 1) + 1) + 1), each channel is replaced by the mean of those w
to its left and right where that is less; w falls from the width to 1.
"""

import numpy as np


def snip(counts: np.ndarray, width: int) -> np.ndarray:
    """The background of spectra, not above the counts but for rounding.

    counts : (..., channels), not negative; width : channels, of the widest peak that goes
    """
    v = np.log(np.log(np.sqrt(np.maximum(counts, 0.0) + 1) + 1) + 1)
    for w in range(min(width, (v.shape[-1] - 1) // 2), 0, -1):
        v[..., w:-w] = np.minimum(v[..., w:-w], (v[..., : -2 * w] + v[..., 2 * w :]) / 2)
    return (np.exp(np.exp(v) - 1) - 1) ** 2 - 1
