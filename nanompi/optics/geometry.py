"""Sizes: the object pixel of a far-field and of a near-field scan. Lengths in metres."""

from dataclasses import dataclass

PLANCK_C = 6.62607015e-34 * 299792458.0  # J m


def energy_of(wavelength: float) -> float:
    """Photon energy (J) of a wavelength (m)."""
    return PLANCK_C / wavelength


@dataclass(frozen=True)
class Geometry:
    """How the object plane is sampled.

    wavelength, distance : m, sample to detector
    detector : (row, column) m, detector pixel after rebinning
    shape    : (h, w) of a frame
    focus    : m, focus to sample, for a near-field scan in a divergent beam; None = far field
    """

    wavelength: float
    distance: float
    detector: tuple[float, float]
    shape: tuple[int, int]
    focus: float | None = None

    @property
    def magnification(self) -> float:
        """(focus + distance) / focus, the Fresnel scaling theorem; 1 in the far field."""
        return 1.0 if self.focus is None else (self.focus + self.distance) / self.focus

    @property
    def effective_distance(self) -> float:
        """Distance of the equivalent parallel-beam geometry."""
        return self.distance / self.magnification

    @property
    def pixel(self) -> tuple[float, float]:
        """Object pixel (row, column): far field lambda z / (N p); near field p / M."""
        if self.focus is not None:
            return tuple(p / self.magnification for p in self.detector)
        return tuple(self.wavelength * self.distance / (n * p) for n, p in zip(self.shape, self.detector))
