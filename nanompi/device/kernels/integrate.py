"""Frames summed over bins of a diffraction pattern, and the robust middle of each ring.

A pixel gives a share of its counts to each bin that it covers. The shares are a sparse matrix, stored by
pixel, which a CPU goes through as it goes through a frame, and by bin, of which a block of a card takes one.

frames   : (k, P) real, counts of P pixels. What is below 0, NaN, or `top` and above, was not measured
norm     : (P,) float32, counts of a pixel where the pattern is 1: solid angle, polarisation, flat field
dark     : (P,) float32, counts of a pixel without a beam
by_pixel : (first, bin, share): entries first[p] ... first[p + 1] - 1 are those of pixel p; (P + 1,) int32,
    (n,) uint16 or int32, (n,) float32
by_bin   : (first, pixel, share): the same by bins; (B + 1,) int32, (n,) int32, (n,) float32
A text needs one of them, the other may be None: a CPU takes by_pixel, a card by_bin.
"""

import numpy as _np

SUMS = 3  # of each bin


def integrate_frames(frames, norm, dark, top, by_pixel, by_bin, sums):
    """sums : (k, B, SUMS) float64, written: of each bin share x counts, share^2 x counts, share x norm.

    The first holds share x dark, the last is added up over pixels that were not measured: what they would
    have seen, to be taken from what all see.
    """
    first, to, share = by_pixel
    pixel = _np.repeat(_np.arange(len(norm)), _np.diff(first))
    weight = share.astype(_np.float64)
    for frame, out in zip(frames, sums):
        y = frame.astype(_np.float64)
        with _np.errstate(invalid="ignore"):
            good = ((y >= 0) & (y < top))[pixel]
        counts, bins = _np.where(good, y[pixel], dark[pixel]), len(out)
        own = (
            weight * counts,
            _np.where(good, weight**2 * counts, 0),
            _np.where(good, 0, weight * norm[pixel]),
        )
        out[...] = _np.stack([_np.bincount(to, values, bins) for values in own], 1)


def ring_middles(frames, norm, top, rings, middle, spread):
    """Median of counts / norm over each ring of each frame, and their median distance from it.

    rings : (first, pixel) as by_bin, each pixel in one ring alone
    middle, spread : (k, B) float32, written; of an even number of values the lower one is taken. NaN where a
        ring has none
    """
    first, pixel = rings
    for frame, own, off in zip(frames, middle, spread):
        for b in range(len(first) - 1):
            at = pixel[first[b] : first[b + 1]]
            y = frame[at].astype(_np.float32)
            with _np.errstate(invalid="ignore"):
                measured = (y >= 0) & (y < top)
            values = y[measured] / norm[at][measured]
            own[b] = _lower(values)
            off[b] = _lower(abs(values - own[b]))


def _lower(values):
    """The lower median; NaN of none"""
    n = len(values)
    return _np.partition(values, (n - 1) // 2)[(n - 1) // 2] if n else _np.float32(_np.nan)
