"""Partitions: the positions of a scan divided among the ranks; one method = one module. Rank 0 alone does it.

A partition has `split(positions, parts, weights) -> list of index arrays`. Each frame is in exactly one
part, the sizes follow the weights (equal weights: they differ by at most one frame), and inside a part the
frames stand in an order in which neighbours on the sample are neighbours in memory.

It may have `moved(positions, parts, weights) -> list of index arrays`: other sizes, and as few frames as
possible change their part. Without it `split` is asked again when ranks turn out to be slower than others.
"""

import numpy as np

from nanompi.errors import DataError, JobError


def sizes(n: int, parts: int, weights=None) -> np.ndarray:
    """How many of n frames each part gets: (parts,) int64, at least one each.

    weights : (parts,) relative speed of the ranks, or None = equal (the sizes then differ by at most one).
    Errors: DataError when there are fewer frames than parts, JobError for weights not above 0.
    """
    if n < parts:
        raise DataError(
            f"the scan has {n} frame{'s' * (n != 1)}, fewer than the {parts} ranks: "
            f"each rank needs at least one, so start at most {n}"
        )
    w = np.ones(parts) if weights is None else np.asarray(weights, np.float64)
    if w.shape != (parts,) or not np.all(np.isfinite(w)) or not np.all(w > 0):
        raise JobError(f"weights of the parts: {w.tolist()} should be {parts} numbers above 0")
    share = 1 + (n - parts) * w / w.sum() if weights is not None else np.full(parts, n / parts)
    whole = np.floor(share).astype(np.int64)
    whole[np.argsort(whole - share, kind="stable")[: n - whole.sum()]] += 1  # largest remainders first
    return whole


def checked(positions) -> np.ndarray:
    """positions as (n, 2) float64. Errors: DataError for another shape, NaN or infinity."""
    p = np.asarray(positions, np.float64)
    if p.ndim != 2 or p.shape[1] != 2:
        raise DataError(f"positions have the shape {p.shape}; (frames, 2) is needed")
    bad = np.flatnonzero(~np.isfinite(p).all(axis=1))
    if len(bad):
        raise DataError(
            f"position {bad[0]} is not a number: {p[bad[0]].tolist()} ({len(bad)} of {len(p)} are not finite)"
        )
    return p


def walk(positions: np.ndarray, band: float | None = None) -> np.ndarray:
    """Order in which (n, 2) points are walked through in bands across their longer axis, to and fro.

    A run of consecutive points then lies close together: a thread that takes a run touches a small piece of
    the object.
    band : width of a band; None = twice the mean distance of neighbours.
    """
    p = positions - positions.min(axis=0)
    side = p.max(axis=0)
    along = int(side[1] > side[0])
    if band is None:
        band = max(2 * np.sqrt(side[0] * side[1] / len(p)), side[along] / len(p))
    row = np.floor(p[:, along] / band).astype(np.int64) if band > 0 else np.zeros(len(p), np.int64)
    across = np.where(row % 2 == 0, p[:, 1 - along], -p[:, 1 - along])
    return np.lexsort((p[:, along], across, row))
