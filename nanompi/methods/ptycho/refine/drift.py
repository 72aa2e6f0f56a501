"""What neighbouring frames have in common of their moves: steps frame by frame find it slowly.

Where frames and their neighbours move alike, the object may move with them, and the likelihood hardly
tells. With object and probe as they are a frame sees none of that: it goes a short way, the object follows,
and so on for hundreds of iterations. So what frames have moved alike, as polynomials of the third order of
where they are, they move on with (momentum). Affine parts of steps are not taken at all: object and probe
adapt to any (a longer axis is a longer object), so that a start probe that is wrong bends a scan that is
right (200 frames of 256²: 0.27 px rms, after which its image was off by a fifth more). What of a turned or
stretched stage the frames tell is asked for by the verdict (`judge.shares.affine`).
"""

from dataclasses import dataclass, field

import numpy as np

KEPT = 0.9  # of the speed from step to step
ORDER = 3
ALIKE = 1e-6  # of the largest singular value: functions below tell the frames not apart
FEWEST = 40  # frames


@dataclass
class Drift:
    """Speeds of what frames move alike, the same on all ranks.

    corners : (N, 2) px, where the frames were measured
    ways : (N, k) orthonormal polynomials of where the frames are, without affine ones
    affine : (N, 3) those; (N, 1) ones for few frames
    speed : (k, 2) px a step, of each along rows and columns
    """

    corners: np.ndarray
    ways: np.ndarray = field(init=False)
    affine: np.ndarray = field(init=False)
    speed: np.ndarray = field(init=False)

    def __post_init__(self):
        self.ways, away = polynomials(self.corners), self.corners - self.corners.mean(0)
        self.affine = np.column_stack([away / max(np.ptp(self.corners), 1e-9), np.ones(len(away))])
        self.affine = self.affine[:, 0 if len(away) >= FEWEST else 2 :]
        self.rest()

    def rest(self):
        """Nothing moves on."""
        self.speed = np.zeros((self.ways.shape[1], 2))

    def carried(self, moving: np.ndarray, steps: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """(n, 2) steps, and what these frames move on with.

        moving : (N,) bool, those n frames; curvature : (n, 3) yy, yx, xx of each
        """
        ways, on, weight = self.ways[moving], KEPT * self.speed, weights(curvature)[:, None]
        every = np.hstack([ways, self.affine[moving]])  # with weights these are no longer orthogonal
        alike = np.linalg.lstsq(weight * every, weight * steps, rcond=ALIKE)[0]
        self.speed = on + alike[: len(on)]
        return steps + ways @ on

    def apart(self, moving: np.ndarray, steps: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """(n, 2) steps without their affine part; of few frames without what they have in common. Arguments:
        as of `carried`"""
        affine, weight = self.affine[moving], weights(curvature)[:, None]
        return steps - affine @ np.linalg.lstsq(weight * affine, weight * steps, rcond=ALIKE)[0]


def weights(curvature: np.ndarray) -> np.ndarray:
    """(n,) by which steps count in the fit: one over their error, which is 1 / sqrt(H); no frame counts more
    than the mean, lest a few bend the scan. curvature : (n, 3) yy, yx, xx"""
    known = np.sqrt(np.maximum(curvature[:, 0] + curvature[:, 2], 0))
    mean = known.mean()
    return np.minimum(known / mean, 1) if mean > 0 else np.ones(len(known))


def polynomials(corners: np.ndarray) -> np.ndarray:
    """(N, k) orthonormal polynomials of second and third order, orthogonal to affine ones; none of few
    frames"""
    if len(corners) < FEWEST:
        return np.zeros((len(corners), 0))
    y, x = ((corners - corners.mean(0)) / max(np.ptp(corners), 1e-9)).T
    powers = [(i, j) for i in range(ORDER + 1) for j in range(ORDER + 1 - i)]
    plain, bent = (
        np.stack([y**i * x**j for i, j in powers if (i + j > 1) == high], 1) for high in (False, True)
    )
    bent = bent - plain @ np.linalg.lstsq(plain, bent, rcond=ALIKE)[0]
    u, size, _ = np.linalg.svd(bent, full_matrices=False)
    return u[:, size > max(ALIKE * size[0], 1e-9)]
