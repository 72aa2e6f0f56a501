"""The Fourier modulus: what the detector sees of the waves, and the projection onto it."""

import numpy as _np

TINY = 1e-6  # counts: keeps the share of a dark wave in no counts finite


def transfer(z, H, at, adjoint):
    """z_j <- H_s z_j, or H_s* z_j for the adjoint; s = at[j, 2], H : (S, h, w) complex"""
    for wave, s in zip(z, at[:, 2]):
        wave *= H[s].conj() if adjoint else H[s]


def project(F, I, mask, gain, unit, back, rho):
    """F <- unit F t / A where measured, unit F elsewhere; A = sqrt(a), t the likely amplitude:

        t = (rho A + sqrt(rho^2 A^2 + 4 (1 + rho) I)) / (2 (1 + rho)),

    the minimum of t^2 - I log t^2 + rho (t - A)^2.

    rho = 0 is the usual projection t = sqrt(I), of all modes together (Thibault & Menzel,
    doi:10.1038/nature11806); rho > 0 the proximal map of the Poisson likelihood, which does not chase the
    noise of weak pixels. Of I counts, I a / (a + back) belong to the wave, which is the expectation of their
    number (Dempster, Laird & Rubin, doi:10.1111/j.2517-6161.1977.tb01600.x).
    Returns sum (A - sqrt(I))^2 over measured pixels.
    """
    A = _np.sqrt(gain[:, None, None] * (_np.abs(F) ** 2).sum(1))
    k, i = mask * (I >= 0), _np.maximum(I, 0).astype(A.dtype)
    if back:
        i = i * ((A**2 + TINY) / (A**2 + back + TINY)).astype(A.dtype)
    t = (rho * A + _np.sqrt((rho * A) ** 2 + 4 * (1 + rho) * i)) / (2 * (1 + rho))
    F *= (unit * (1 + k * (t / (A + 1e-10) - 1)))[:, None].astype(A.dtype)
    return float((k * (A - _np.sqrt(i)) ** 2).sum(dtype=_np.float64))
