"""Back-projection of parallel rays: each pixel collects what the rays through it hold, at all angles.

    f(y, x) += sum_a weight_a q_a(t),   t = x cos(angle_a) + y sin(angle_a) + centre

x to the right and y downwards from the middle of the image, in pixels; t counts columns, 0 = the middle of
column 0; q_a between two columns by linear interpolation. With q_a the projections after the ramp filter and
sum_a weight_a = pi this is filtered back-projection (Kak & Slaney, Principles of Computerized Tomographic
Imaging, chapter 3, doi:10.1137/1.9780898719277).
"""

import numpy as _np


def backproject(q, turn, centre, radius, out, lane, lanes):
    """Add the back-projection of `q` to every `lanes`-th row of `out`, beginning with row `lane`.

    q      : (k, A, n) real, filtered projections of k slices at A angles, n >= 2 columns
    turn   : (A, 3) float64, cos(angle), sin(angle) and weight of each projection
    centre : px, column of the rotation axis; radius : px, pixels farther from it stay as they are
    out    : (k, h, w) real, the slices; a ray outside the columns has the value of the nearest column
    """
    n, (h, w) = q.shape[-1], out.shape[1:]
    y, x = _np.arange(lane, h, lanes) - (h - 1) / 2, _np.arange(w) - (w - 1) / 2
    inside = y[:, None] ** 2 + x**2 <= radius**2
    for a, (cos, sin, weight) in enumerate(turn):
        t = _np.clip(x * cos + y[:, None] * sin + centre, 0, n - 1)
        i = _np.minimum(t.astype(int), n - 2)
        ray = q[:, a, i] + (t - i).astype(q.dtype) * (q[:, a, i + 1] - q[:, a, i])
        out[:, lane::lanes] += inside * q.dtype.type(weight) * ray
