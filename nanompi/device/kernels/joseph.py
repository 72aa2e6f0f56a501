"""Line integrals of slices, and their exact adjoint: Joseph's projector. Both gather, nothing is added twice.

    p(a, c) = sum_rows f(row, x) / m,   m = max(|cos a|, |sin a|)

A ray steps over the rows of pixels (over the columns where |sin a| > |cos a|) and takes from each what stands
where it crosses, between two pixels by linear interpolation (P. M. Joseph, IEEE Trans. Med. Imaging 1, 192,
1982). A pixel at t = x cos a + y sin a + axis has the share max(0, 1 - |c - t| / m) / m in the ray of
column c.

x to the right and y downwards from the middle of the slice, in px; t counts columns, 0 = the middle of column
0. Slices stand side by side, the last axis: places and shares are the same for all of them. The texts beside
this one want `LANES` slices, or a multiple.
"""

import numpy as _np

LANES = 16  # slices side by side that share one look at places and shares
EIGHT = 8  # of them that a thread of a card has


def project_rays(f, turn, axis, out, lane, lanes):
    """The line integrals of every `lanes`-th projection, beginning with `lane`.

    f    : (n, n, k) real, k slices, n >= 2
    turn : (A, 2) float64, cos(angle) and sin(angle) of each projection
    axis : px, column of the rotation axis
    out  : (A, K, k) real, written: line integrals in px; pixels beyond the slice count as 0
    """
    n, K = f.shape[0], out.shape[1]
    middle, place = (n - 1) / 2, _np.arange(n) - (n - 1) / 2
    column = _np.arange(K) - axis
    for a in range(lane, len(turn), lanes):
        cos, sin = turn[a]
        rows = abs(cos) >= abs(sin)
        long, short = (cos, sin) if rows else (sin, cos)
        lines, out[a] = f if rows else f.swapaxes(0, 1), 0
        for line, y in zip(lines, place):
            i, near, far = _shares(column / long - y * short / long + middle, n, 1.0)
            scale = f.dtype.type(1 / abs(long))
            out[a] += (near * scale).astype(f.dtype)[:, None] * line[i]
            out[a] += (far * scale).astype(f.dtype)[:, None] * line[i + 1]


def backproject_rays(q, turn, axis, out, lane, lanes):
    """The adjoint of `project_rays`: every `lanes`-th row of the slices, beginning with row `lane`.

    q   : (A, K, k) real, what each ray gives, K >= 2
    out : (n, n, k) real, written: sum over all rays of q times the share of the pixel in the ray
    """
    n, K = out.shape[0], q.shape[1]
    place = _np.arange(n) - (n - 1) / 2
    out[lane::lanes] = 0
    for a, (cos, sin) in enumerate(turn):
        m = max(abs(cos), abs(sin))
        t = place * cos + place[lane::lanes, None] * sin + axis
        i, near, far = _shares(t, K, m)
        out[lane::lanes] += (near / m).astype(q.dtype)[..., None] * q[a][i]
        out[lane::lanes] += (far / m).astype(q.dtype)[..., None] * q[a][i + 1]


def _shares(t, n, width):
    """(i, share of i, share of i + 1): max(0, 1 - |t - i| / width), i floor(t) within 0 ... n - 2"""
    i = _np.clip(_np.floor(t), 0, n - 2)
    near, far = (_np.maximum(0, 1 - abs(t - i - one) / width) for one in (0, 1))
    return i.astype(_np.int64), near, far
