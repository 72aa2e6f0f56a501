"""Phase contrast of a simulated sample: its exit wave, propagated from the sample to the detector.

A homogeneous sample with the line integrals p has the exit wave psi = exp(-(1 + i delta/beta) p / 2), since
p = 4 pi beta T / lambda and the phase is -2 pi delta T / lambda for a thickness T. The detector sees
|F^-1 exp(-i pi lambda z u^2) F psi|^2: the Fresnel transfer function of free space (Goodman, Introduction to
Fourier Optics, chapter 4).
"""

from dataclasses import dataclass

import numpy as np

from nanompi.methods.tomo.phantom import Phantom

FRINGES = 6  # in first Fresnel zones: what is computed around the detector, so that nothing comes round
LEAST = 16  # px


@dataclass(frozen=True)
class Contrast:
    """distance : m, from the sample to the detector; wavelength, pixel : m; delta_beta : of the sample"""

    distance: float
    wavelength: float
    pixel: float
    delta_beta: float

    def intensity(self, phantom: Phantom, angle: float, shape: tuple[int, int], centre: float) -> np.ndarray:
        """(rows, columns) float64, of the intensity without a sample. The other arguments: as of
        `Phantom.projection`."""
        zone = np.sqrt(self.wavelength * self.distance) / self.pixel
        border = max(LEAST, int(FRINGES * zone))
        h, w = (n + 2 * border for n in shape)
        lines = phantom.projection(angle, h, w, centre + border)
        seen = propagated(np.exp(-0.5 * (1 + 1j * self.delta_beta) * lines), self.chirp(h, w))
        return np.abs(seen[border:-border, border:-border]) ** 2

    def chirp(self, rows: int, columns: int) -> np.ndarray:
        """(rows, columns) complex: the transfer function of the way to the detector."""
        v, u = np.fft.fftfreq(rows, self.pixel)[:, None], np.fft.fftfreq(columns, self.pixel)
        return np.exp(-1j * np.pi * self.wavelength * self.distance * (v * v + u * u))


def propagated(wave: np.ndarray, transfer: np.ndarray) -> np.ndarray:
    """A wave (rows, columns) after a way that is a product in reciprocal space."""
    return np.fft.ifft2(np.fft.fft2(wave) * transfer)
