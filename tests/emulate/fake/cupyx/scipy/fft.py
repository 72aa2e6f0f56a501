"""cupyx.scipy.fft: plans, and the transforms without one."""

from cupy.fft import fft, fft2, fftn, fftshift, ifft, ifft2, ifftn, ifftshift


def get_fft_plan(a, shape=None, axes=None, value_type="C2C"):
    """A plan for arrays like `a`; fails where cuFFT is not there."""
    from cupy.cuda._cufft import plan

    return plan(a, shape, axes, value_type)


__all__ = ["fft", "fft2", "fftn", "fftshift", "get_fft_plan", "ifft", "ifft2", "ifftn", "ifftshift"]
