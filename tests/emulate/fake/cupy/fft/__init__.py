"""Transforms without a plan of one's own: right, scaled as NumPy does, not for loops that count."""

import scipy.fft as _fft

from cupy.calls import call as _call


def _plain(name: str):
    func = getattr(_fft, name)

    def run(a, *args, **kwargs):
        return _call(func, (a, *args), kwargs)

    run.__name__ = name
    return run


def fftfreq(n, d=1.0):
    from cupy.create import array

    return array(_fft.fftfreq(n, d))


fft, ifft, fft2, ifft2, fftn, ifftn, rfft, irfft, rfft2, irfft2, rfftn, irfftn, fftshift, ifftshift = map(
    _plain,
    "fft ifft fft2 ifft2 fftn ifftn rfft irfft rfft2 irfft2 rfftn irfftn fftshift ifftshift".split(),
)
