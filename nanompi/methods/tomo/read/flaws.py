"""What is wrong with a simulated detector and beam: odd gains, dead pixels, zingers, a beam that drifts."""

from dataclasses import dataclass

import numpy as np

STRONG = 5  # times: the gain errors of the strong stripes
RARE = 24  # columns for one strong stripe
ENERGY = (3.0, 12.0)  # of the mean beam: what a zinger adds
MOVED = 0.1  # of the width: how far a beam of drift 1 moves


@dataclass(frozen=True)
class Flaws:
    """Each is off at 0.

    stripes : rms of the gain errors of columns that the flats do not have, a few of them strong
    dead    : part of the pixels that see no beam
    zingers : part of the pixels of each projection that a stray photon hits
    drift   : part of the beam that is lost between the flats before and those after; it moves sideways, too
    jitter  : px, rms, by which the sample of each projection stands off, down and to the right
    """

    stripes: float = 0.0
    dead: float = 0.0
    zingers: float = 0.0
    drift: float = 0.0
    jitter: float = 0.0

    def move(self, i: int, seed: int) -> np.ndarray:
        """(2,) px: how far the sample of projection `i` stands down and to the right."""
        return self.jitter * np.random.default_rng([seed, 7, i]).standard_normal(2)

    def response(self, shape: tuple[int, int], seed: int) -> np.ndarray:
        """(rows, columns) what is left of the beam of each pixel, in all images."""
        return np.random.default_rng([seed, 4]).random(shape) >= self.dead

    def gain(self, columns: int, seed: int) -> np.ndarray:
        """(columns,) by which projections are brighter than their flats let expect."""
        rng = np.random.default_rng([seed, 5])
        error = self.stripes * rng.standard_normal(columns)
        error[rng.choice(columns, max(1, columns // RARE), replace=False)] *= STRONG
        return 1 + error

    def moved(self, beam: np.ndarray, time: float) -> np.ndarray:
        """The beam at a time from 0 (first image) to 1 (last): linear in between, in each pixel."""
        if not self.drift:
            return beam
        places = np.arange(beam.shape[1])
        shifted = places + MOVED * self.drift * beam.shape[1]
        last = (1 - self.drift) * np.stack([np.interp(shifted, places, row) for row in beam])
        return (1 - time) * beam + time * last

    def hits(self, mean: np.ndarray, photons: float, rng) -> np.ndarray:
        """(rows, columns) mean counts with the zingers of one image."""
        if not self.zingers:
            return mean
        return mean + (rng.random(mean.shape) < self.zingers) * rng.uniform(*ENERGY, mean.shape) * photons


FLAWLESS = Flaws()
