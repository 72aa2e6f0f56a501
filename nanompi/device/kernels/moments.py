"""Moments of frames: counts inside and outside of a bright field, first moments, the largest count.

bright = sum b I,   dark = sum (g - b) I,   my = sum y g I,   mx = sum x g I,   top = max g I
"""

import numpy as _np


def moments(I, good, bright, y, x, out):
    """The moments of each frame; a negative count is a pixel not measured, and adds nothing.

    I      : (k, h, w) uint16 or float32, counts
    good, bright : (h, w) bool, pixels that count; those of them that stand in the bright field
    y, x   : (h,), (w,) float64, px, places of rows and columns
    out    : (k, 5) float64: bright, dark, my, mx, top
    """
    v = _np.where(good & (I > 0), I, 0).astype(_np.float64)
    out[:, 0], out[:, 1] = v[:, bright].sum(1), v[:, ~bright].sum(1)
    out[:, 2], out[:, 3] = v.sum(2) @ y, v.sum(1) @ x
    out[:, 4] = v.max((1, 2), initial=0)
