"""cupyx.scipy.fft: plans, and the transforms without one."""

from cupy import fft as _plain
from cupy.fft import fftshift, ifftshift


def get_fft_plan(a, shape=None, axes=None, value_type="C2C"):
    """A plan for arrays like `a`; fails where cuFFT is not there."""
    from cupy.cuda._cufft import plan

    return plan(a, shape, axes, value_type)


def fft2(x, s=None, axes=(-2, -1), norm=None, overwrite_x=False, *, plan=None):
    return _unplanned("fft2", x, s, axes, norm, plan)


def ifft2(x, s=None, axes=(-2, -1), norm=None, overwrite_x=False, *, plan=None):
    return _unplanned("ifft2", x, s, axes, norm, plan)


def fftn(x, s=None, axes=None, norm=None, overwrite_x=False, *, plan=None):
    return _unplanned("fftn", x, s, axes, norm, plan)


def ifftn(x, s=None, axes=None, norm=None, overwrite_x=False, *, plan=None):
    return _unplanned("ifftn", x, s, axes, norm, plan)


def _unplanned(name, x, s, axes, norm, plan):
    if plan is not None:
        raise TypeError("the stand-in runs plans by plan.fft(a, out, direction)")
    return getattr(_plain, name)(x, s=s, axes=axes, norm=norm)


__all__ = ["fft2", "fftn", "fftshift", "get_fft_plan", "ifft2", "ifftn", "ifftshift"]
