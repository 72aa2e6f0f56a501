"""From the sample to the detector and back. Forward waves are unscaled; `gain` and `unit` hold the scale.

intensity = gain |forward(psi)|^2, and unit * backward(forward(psi)) = psi; backward is the adjoint of
forward. Both work in place on z : (n, M, h, w) complex, waves of n frames; at : (n, 3) int32 as for the
kernels, of which the near field needs the index of each frame's sub-pixel shift.

A frame lies at a whole pixel and its wave is moved by the rest, which moves it on the detector too. In the
far field that is a phase, which no detector sees. In the near field the detector would see it: there the
wave is moved back on its way.
"""

import copy

import numpy as np


class FarField:
    """Fraunhofer: forward = sum_r psi exp(-2 pi i k r), zero frequency at [0, 0]."""

    def __init__(self, device, geometry):
        self.device, self.gain = device, 1 / (geometry.shape[0] * geometry.shape[1])
        self.unit, self.sweep = self.gain, device.sweep(geometry.shape)

    def forward(self, z, at):
        """F z"""
        return self.device.fft(z)

    def backward(self, z, at):
        """F^-1 z"""
        return self.device.ifft(z)

    def moved(self, rests):
        """The frames have other sub-pixel shifts, which this propagator does not see."""


class NearField:
    """Angular spectrum over the effective distance: forward = F^-1 H_s F, unitary.

    H_s = exp(-i pi lambda z_eff q^2) exp(2 pi i q rest_s): the Fresnel transfer function of free space
    (Goodman, Introduction to Fourier Optics, chapter 4) in the Fresnel-scaled geometry, and the move back by
    the rest, of which there is one for each sub-pixel shift.
    """

    gain = unit = 1.0
    sweep = None

    def __init__(self, device, geometry, rests):
        h, w = geometry.shape
        ky, kx = np.fft.fftfreq(h)[:, None], np.fft.fftfreq(w)
        dy, dx = geometry.pixel
        space = -np.pi * geometry.wavelength * geometry.effective_distance * ((ky / dy) ** 2 + (kx / dx) ** 2)
        self.device, self.k = device, (ky.ravel(), kx)
        self.space = device.array(np.exp(1j * space) / space.size, device.complex)  # of free space
        self.moved(rests)

    def moved(self, rests):
        """The frames have other sub-pixel shifts. rests : (S, 2) pixels"""
        d, H = self.device, self.space[None]
        back = [d.array(np.exp(2j * np.pi * r[:, None] * k), d.complex) for r, k in zip(rests.T, self.k)]
        out = d.xp.empty((len(rests), *H.shape), d.complex)
        d.kernels.ramps(H, *back, out)
        self.H = out[:, 0]

    def forward(self, z, at):
        """F^-1 H_s F z"""
        return self._through(z, at, False)

    def backward(self, z, at):
        """F^-1 H_s* F z"""
        return self._through(z, at, True)

    def times(self, factor) -> "NearField":
        """Another one, with each transfer function multiplied. factor : complex, broadcast to (S, h, w)"""
        out = copy.copy(self)
        out.H = self.device.array(self.H * factor, self.device.complex)
        return out

    def _through(self, z, at, adjoint):
        self.device.fft(z)
        self.device.kernels.transfer(z, self.H, at, adjoint)
        return self.device.ifft(z)


def propagator(device, geometry, rests=((0.0, 0.0),)) -> FarField | NearField:
    """The propagator of a geometry: near field where a focus distance is given. rests : (S, 2) pixels"""
    if geometry.focus is None:
        return FarField(device, geometry)
    return NearField(device, geometry, np.asarray(rests, float))
