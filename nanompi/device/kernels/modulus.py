"""The Fourier modulus: what the detector sees of the waves, and the projection onto it."""

import numpy as _np


def intensity(F, gain, a):
    """a_j = gain_j sum_m |F_jm|^2"""
    a[...] = gain[:, None, None] * (_np.abs(F) ** 2).sum(1)


def project(F, I, mask, gain, unit):
    """F <- unit F sqrt(I / a) where measured, unit F elsewhere; returns sum (sqrt(a) - sqrt(I))^2 over measured pixels

    The amplitude of all modes together becomes the measured one (Thibault & Menzel, doi:10.1038/nature11806, eq. 4).
    """
    a = _np.sqrt(gain[:, None, None] * (_np.abs(F) ** 2).sum(1))
    k = mask * (I >= 0)
    A = _np.sqrt(_np.maximum(I, 0).astype(a.dtype))
    F *= (unit * (1 + k * (A / (a + 1e-10) - 1)))[:, None].astype(a.dtype)
    return float((k * (a - A) ** 2).sum(dtype=_np.float64))
