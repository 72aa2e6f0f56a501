"""Columns of sinograms ranked by value, smoothed across the columns, and put back; and how rough each is.

Detector elements that are a little off see, over all angles, much the same distribution of values as their
neighbours: ranked, what stands side by side belongs together, and a running median across the columns leaves
of a stripe nothing (algorithm 3 of Vo, Atwood, Drakopoulos, Opt. Express 26, 28396 (2018),
doi:10.1364/OE.26.028396).

p      : (k, A, K) real, k sinograms of A angles and K columns
ranked : (k, K, A) real, each column rising; order : (k, K, A) int32, the angle that each value had
"""

import numpy as _np

SIDE_BY_SIDE = 32  # ranks that a lane smooths together; their columns come from memory in whole lines
IN_BLOCK = 4096  # angles of a column that a block of a card ranks in its shared memory
WIDEST = 95  # columns of a running median; more would not fit into the shared memory of a block
ABREAST = 64  # threads of a block that smooths, each with a window of its own


def rank_columns(p, ranked, order, lane, lanes):
    """Rank every `lanes`-th column, beginning with `lane`; equal values keep the order of their angles."""
    columns = p[..., lane::lanes].swapaxes(1, 2)
    order[:, lane::lanes] = at = _np.argsort(columns, axis=-1, kind="stable")
    ranked[:, lane::lanes] = _np.take_along_axis(columns, at, -1)


def smooth_ranks(ranked, size, out, lane, lanes):
    """out = the median of `size` columns side by side, odd, in each rank; beyond the ends they are mirrored.

    Every `lanes`-th band of SIDE_BY_SIDE ranks is done, beginning with band `lane`.
    """
    band = (_np.arange(ranked.shape[2]) // SIDE_BY_SIDE) % lanes == lane
    reach = ((0, 0), (size // 2, size // 2), (0, 0))
    wide = _np.pad(ranked[..., band], reach, mode="symmetric")
    windows = _np.lib.stride_tricks.sliding_window_view(wide, size, axis=1)
    out[..., band] = _np.sort(windows, axis=-1)[..., size // 2]


def unrank_columns(ranked, order, p, lane, lanes):
    """The opposite of `rank_columns`."""
    columns = _np.empty_like(ranked[:, lane::lanes])
    _np.put_along_axis(columns, order[:, lane::lanes], ranked[:, lane::lanes], -1)
    p[..., lane::lanes] = columns.swapaxes(1, 2)


def column_roughness(p, size, out, lane, lanes):
    """out (k, K) float64 = sum over the angles of |p - the mean of `size` neighbours along the angle|.

    Of these size // 2 stand before; beyond the ends they are mirrored. Done for every `lanes`-th column.
    """
    columns = p[..., lane::lanes].swapaxes(1, 2).astype(_np.float64)
    reach = ((0, 0), (0, 0), (size // 2, size - 1 - size // 2))
    windows = _np.lib.stride_tricks.sliding_window_view(_np.pad(columns, reach, mode="symmetric"), size, -1)
    out[:, lane::lanes] = abs(columns - windows.mean(-1)).sum(-1)
