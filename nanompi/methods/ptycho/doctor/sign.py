"""The sign of an image: matter takes away phase where it takes away amplitude.

The complex conjugate meets far-field frames turned by 180 degrees as well as the image meets the frames, so
that no likelihood tells one from the other. But with waves exp(+ikz) and n = 1 - delta + i beta the phase
falls where the amplitude falls.
"""

import numpy as np

LIT = 0.3  # of the 95th percentile of the illumination: where the image is judged
SMOOTH = 6.0  # px: what varies more slowly is left out, since ramps of the phase are free
SURE = 0.1  # of the correlation


def sign_of_object(p) -> float:
    """Correlation of phase and log of the amplitude of the object of a problem that this rank holds whole;
    below -SURE it is the twin, between both it cannot be told (pure phase or pure amplitude)."""
    weight = p.device.host(p.object_weights(p.shifts.library(p.P)))
    return correlation(p.device.host(p.O), weight)


def correlation(O: np.ndarray, weight: np.ndarray) -> float:
    """-1..1. O : (H, W) complex; weight : (H, W) illumination"""
    lit = weight > LIT * np.percentile(weight[weight > 0], 95) if (weight > 0).any() else weight > 0
    if lit.sum() < 10:
        return 0.0
    phase, size = fine(O, lit)
    a, b = phase[lit] - phase[lit].mean(), size[lit] - size[lit].mean()
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum() + 1e-30))


def fine(O, lit) -> tuple[np.ndarray, np.ndarray]:
    """Phase against that of the neighbourhood, log of the amplitude against its; both (H, W)"""
    from scipy.ndimage import gaussian_filter

    part = lit.astype(float) + 1e-9
    weight = gaussian_filter(part, SMOOTH)
    unit = np.where(lit, O / (np.abs(O) + 1e-30), 0)
    smooth = gaussian_filter(unit.real, SMOOTH) + 1j * gaussian_filter(unit.imag, SMOOTH)
    phase = np.angle(unit * smooth.conj())
    size = np.where(lit, np.log(np.abs(O) + 1e-6), 0)
    return phase, size - gaussian_filter(size, SMOOTH) / weight
