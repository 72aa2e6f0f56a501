"""What is wrong with a simulated scan: a beam that flickers and walks, stray light, motors that miss."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Flaws:
    """Each is off at 0.

    flux        : rms of the intensity of each frame about its mean
    background  : counts that lie in each pixel of each frame, on the mean
    misplaced   : px, rms, by which each frame was measured beside the place that the scan tells
    empty       : part of the frames that a shutter kept dark
    orientation : of the stored frames, 4 * transposed + 2 * upside down + 1 * mirrored, about the zero
        frequency
    walk        : how far the beam walks over its lens during the scan, in rms radii of its light there
    """

    flux: float = 0.0
    background: float = 0.0
    misplaced: float = 0.0
    empty: float = 0.0
    orientation: int = 0
    walk: float = 0.0

    def told(self, corners: np.ndarray, seed: int) -> np.ndarray:
        """(n, 2) px: where the scan says that the frames at these corners lie."""
        return corners + self.misplaced * np.random.default_rng([seed, 10]).standard_normal(corners.shape)

    def probe(self, probe: np.ndarray, part: float) -> np.ndarray:
        """(modes, rows, columns) after a part of the scan: a Gaussian beam that lights a lens lights another
        part of it. The photons stay the same."""
        if not self.walk:
            return probe
        F = np.fft.fft2(probe)
        light, k = (np.abs(F) ** 2).sum(0), [np.fft.fftfreq(n) for n in F.shape[1:]]
        r2 = (light * (k[0][:, None] ** 2 + k[1] ** 2)).sum() / light.sum()
        y, x = self.walk / np.sqrt(r2) * np.array([np.sin(2 * np.pi * part), np.cos(1.4 * np.pi * part)])
        moved = np.fft.ifft2(F * np.exp(y * k[0][:, None] + x * k[1]))
        photons = [(np.abs(P) ** 2).sum() for P in (probe, moved)]
        return (moved * np.sqrt(photons[0] / photons[1])).astype(probe.dtype)

    def light(self, mean: np.ndarray, i: int, seed: int) -> np.ndarray:
        """(rows, columns) mean counts of frame `i` as they come to the detector."""
        rng = np.random.default_rng([seed, 11, i])
        flux, dark = max(0.05, 1 + self.flux * rng.standard_normal()), rng.random() < self.empty
        return 0 * mean if dark else flux * mean + self.background

    def stored(self, frame: np.ndarray) -> np.ndarray:
        """A frame (rows, columns), zero frequency at n // 2, as the detector stores it."""
        o = self.orientation
        frame = frame.T if o & 4 else frame
        frame = np.roll(frame[::-1], 1 - frame.shape[0] % 2, 0) if o & 2 else frame
        return np.roll(frame[:, ::-1], 1 - frame.shape[1] % 2, 1) if o & 1 else frame


FLAWLESS = Flaws()
