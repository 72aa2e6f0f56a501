"""Back-projection of parallel rays: each pixel collects what the rays through it hold, at all angles.

    f(y, x) = sum_a weight_a q_a(t),   t = x cos(angle_a) + y sin(angle_a) + centre

x to the right and y downwards from the middle of the image, in pixels; t counts columns, 0 = the middle of
column 0; q_a between two columns by linear interpolation. With q_a the projections after the ramp filter and
sum_a weight_a = pi this is filtered back-projection (Kak & Slaney, Principles of Computerized Tomographic
Imaging, chapter 3, doi:10.1137/1.9780898719277).
"""

import numpy as _np

BAND = 32  # rows, and columns, of a tile: what it touches stays in the cache
EIGHT = 8  # slices that a thread of a card has


def backproject(q, turn, centre, reach, out, lane, lanes):
    """The back-projection of `q` in every `lanes`-th band of `BAND` rows, beginning with band `lane`.

    q      : (A, T, K) real, filtered projections at A angles, slices side by side; the rays of all pixels of
        the slice lie within the T columns. The texts beside this one want `joseph.LANES` slices
    turn   : (A, 3) float64, cos(angle), sin(angle) and weight of each projection
    centre : px, column of the rotation axis, of all slices
    reach  : (k,) float64 px, pixels farther from the middle become 0
    out    : (k, n, n) real, written, k <= K
    """
    k, n, _ = out.shape
    place = _np.arange(n) - (n - 1) / 2
    rows = _np.flatnonzero(_np.arange(n) // BAND % lanes == lane)
    total = _np.zeros((len(rows), n, k), q.dtype)
    for ray, (cos, sin, weight) in zip(q, turn):
        t = place * cos + place[rows, None] * sin + centre
        i = _np.floor(t).astype(int)
        far = (weight * (t - i)).astype(q.dtype)[..., None]
        near = (weight * (1 - (t - i))).astype(q.dtype)[..., None]
        total += near * ray[i, :k] + far * ray[i + 1, :k]
    outside = place**2 + place[rows, None] ** 2 > reach[:, None, None] ** 2
    out[:, rows] = _np.where(outside, 0, _np.moveaxis(total, 2, 0))
