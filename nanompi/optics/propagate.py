"""From the sample to the detector and back. Forward waves are unscaled; `gain` and `unit` hold the scale.

intensity = gain |forward(psi)|^2, and unit * backward(forward(psi)) = psi; backward is the adjoint of
forward.
"""

import numpy as np


class FarField:
    """Fraunhofer: forward = sum_r psi exp(-2 pi i k r), zero frequency at [0, 0]."""

    def __init__(self, device, geometry):
        self.forward, self.backward = device.fft, device.ifft
        self.gain = self.unit = 1 / (geometry.shape[0] * geometry.shape[1])


class NearField:
    """Angular spectrum over the effective distance: forward = F^-1 H F, unitary.

    H = exp(-i pi lambda z_eff q^2) (Goodman, Introduction to Fourier Optics, eq. 4-20); q in the
    Fresnel-scaled frame.
    """

    gain = unit = 1.0

    def __init__(self, device, geometry):
        h, w = geometry.shape
        qy, qx = (np.fft.fftfreq(n, p) for n, p in zip((h, w), geometry.pixel))
        phase = -np.pi * geometry.wavelength * geometry.effective_distance * (qy[:, None] ** 2 + qx**2)
        self.H = device.array(np.exp(1j * phase) / (h * w), device.complex)
        self.back, self.device = self.H.conj(), device

    def forward(self, z):
        """F^-1 H F z"""
        z = self.device.fft(z)
        z *= self.H
        return self.device.ifft(z)

    def backward(self, z):
        """F^-1 H* F z"""
        z = self.device.fft(z)
        z *= self.back
        return self.device.ifft(z)


def propagator(device, geometry) -> FarField | NearField:
    """The propagator of a geometry: near field where a focus distance is given."""
    return (FarField if geometry.focus is None else NearField)(device, geometry)
