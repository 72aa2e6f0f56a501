"""Background: counts that lie in each pixel of each frame and do not come through the object.

The model of a pixel is a = m + b, m the intensity of object and probe. Where m is far below b, all that is
seen of the wave is the noise of b: an intensity cannot be negative, so the most likely wave takes what lies
above b and leaves what lies below, and the image gets fine structure that is not there. (A b that is free in
ML falls for the same reason: to 1.7 of 2 counts, and to 4.5 of 5.) The engines therefore look for object and
probe with the prior that dark waves are dark, exp(-l sum m) with l = MARGIN / sqrt(b). To minimise

    (1 + l) m - I log(m + b)

is to minimise m' - I log(m' + (1 + l) b), m' = (1 + l) m: so the prior is that they take a b which is higher
by MARGIN times its counting noise. Whoever judges the result takes b itself.

Where light reaches all pixels the floor of the mean frame is more than the background. What comes through the
object changes from frame to frame, and a background does not: of light m that varies like speckle, as that
far out does, the variance over frames is that of counting and m^2.
So b is the floor less LIGHT sqrt(variance - mean), over the darkest pixels.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.methods.ptycho.beam import moment
from nanompi.optics.windows import blurred

BLUR, PART = 1.5, 0.01  # pixels; of the good pixels, which are no darker than the floor
MANY, EVEN = 0.1, 1.25  # so many pixels are no brighter than so many times the floor, or it is no background
DARK = 0.05  # of the good pixels, in which the light that varies is looked for
LIGHT = 0.58  # of its rms there lies in the floor: 0.49 to 0.63 on eight scans, as these are the darkest
LEAST = 0.2  # of the floor: what is less than that is light
MARGIN = 0.25  # of sqrt(b), the noise of a pixel; 0.15 to 0.35 served ten scans nearly alike


def floor(p) -> float:
    """The floor of the mean frame: the 1 % quantile of its good pixels after a blur, less the light in it; 0
    where a tenth of the pixels are not nearly as dark, as the light of a beam is never even (collective)."""
    mean, good = moment(p), p.device.host(p.mask) > 0
    found = levels(mean, good)
    if not found.even or p.noise != "counts":
        return found.even
    excess = moment(p, 2) - mean**2 - p.fano * mean
    level = found.even - LIGHT * varying(found.smooth, excess, good)
    return level if level > LEAST * found.even else 0.0


def varying(smooth, excess, good) -> float:
    """rms over frames of the light in the darkest pixels, beyond two standard errors.

    smooth, excess, good : (h, w), the mean frame after a blur, its variance beyond counting, bool
    """
    dark = excess[good & (smooth <= np.quantile(smooth[good], DARK))]
    return float(np.sqrt(max(0.0, dark.mean() - 2 * dark.std() / np.sqrt(len(dark)))))


@dataclass
class Levels:
    """How dark a mean frame is. smooth : (h, w), blurred; least, low : the levels below which `PART` and
    `MANY` of its good pixels are"""

    smooth: np.ndarray
    least: float
    low: float

    @property
    def even(self) -> float:
        """The least level where it is that of a background, else 0"""
        return self.least if self.low <= EVEN * self.least else 0.0


def levels(mean: np.ndarray, good: np.ndarray) -> Levels:
    """mean : (h, w) counts, 0 where masked; good : (h, w) bool"""
    smooth = blurred(mean * good, BLUR) / np.maximum(blurred(good.astype(float), BLUR), 1e-6)
    return Levels(smooth, *(float(v) for v in np.quantile(smooth[good], (PART, MANY))))


def for_engines(background: float) -> float:
    """The background with which object and probe are looked for."""
    return background + MARGIN * float(np.sqrt(background))


def words(background: float) -> str:
    """What was taken for the background, for the log."""
    if not background:
        return "background: none, the darkest pixels of the mean frame are not even"
    return f"background: {background:.3g} counts in each pixel, the floor of the mean frame"
