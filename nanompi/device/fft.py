"""The one door to the Fourier transforms of waves on the CPU: our own (fft_cpu.py), else SciPy's.

Ours are two to three times as fast as SciPy's, faster than those of MKL and than FFTW's as it plans in an
instant, and about as fast as what FFTW finds in seconds of trials (benchmarks/results/engines.md): neither is
asked for.
"""

import numpy as np


def fourier(z: np.ndarray, inverse: bool) -> np.ndarray:
    """z <- sum_r z exp(-2 pi i k r), unscaled, over the last two axes, in place; inverse: exp(+2 pi i k r).

    z : (..., h, w) complex. The bits of a frame are the same wherever it stands, on any number of threads.
    """
    if by(z.shape[-2:]) == "nanompi" and z.flags.c_contiguous:
        from nanompi.device.fft_cpu import transform

        transform(z, inverse)
        return z
    from scipy.fft import fft2, ifft2

    how = {"axes": (-2, -1), "overwrite_x": True, "workers": 1}
    return _into(z, ifft2(z, norm="forward", **how) if inverse else fft2(z, **how))


def by(shape) -> str:
    """Whose transforms are those of frames of (h, w): "nanompi" or "SciPy"."""
    from nanompi.device.fft_cpu import radices

    return "nanompi" if all(radices(n) for n in shape) else "SciPy"


def _into(z, out):
    """z, holding `out`: without a copy where SciPy worked in place, which it does but does not promise"""
    if out.__array_interface__["data"] != z.__array_interface__["data"]:
        z[...] = out
    return z
