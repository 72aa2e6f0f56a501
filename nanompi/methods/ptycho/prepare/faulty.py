"""Pixels that do not measure, found from some whole frames: markers, hot and dead pixels, rows and columns.

Light varies from frame to frame and spreads over neighbours: a sampled diffraction pattern has no single
bright pixel. So a pixel is faulty where it has one value in all frames, far above what is near it; or where
it stands by a factor and by many standard deviations above (or below) all but two of its eight neighbours, in
nearly every frame. The middle of the beam is never taken for hot.
"""

import numpy as np

from nanompi.optics.windows import highest

KINDS = ("marked", "dead rows", "hot rows", "hot", "dead")
LEAST = 6  # frames from which constancy tells
SIGMA, FACTOR = 12.0, 5.0  # a hot pixel stands above its neighbours by both
OFTEN = 0.9  # of the frames
DIM = 0.05  # part of its neighbours' counts below which a pixel is dead
MANY = 0.02  # part of the pixels that cannot all be hot, or dead: then it is the light
ROW = 200  # counts that the rows beside a dead band must have: no luck leaves one at zero then
BEAM = 2  # pixels around the brightest place that are never taken for hot
NEAR = 15  # pixels across: what a marker stands above
RING = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]


def marked(stack: np.ndarray, good: np.ndarray) -> tuple[np.ndarray, float | None]:
    """((H, W) bool, the pixels that hold a marker; the marker, from which on no value is measured, or None).

    stack : (k, H, W) frames as stored; good : (H, W) bool, pixels not known to be bad
    A marker is one value at the same place in all frames, and is the largest value of all, or at least 16 and
    three times as large as anything around it.
    """
    none = np.zeros(good.shape, bool)
    if len(stack) < LEAST:
        return none, None
    first, same = stack[0], (stack[0] == stack[-1]) & (stack[0] > 0) & good
    at = np.nonzero(same)
    same[at] = np.logical_and.reduce([frame[at] == first[at] for frame in stack])
    other = good & ~same
    if not same.any() or same.sum() > other.sum():
        return none, None
    most = np.where(other, np.nan_to_num(stack.max(0), nan=0.0, posinf=0.0), 0)
    above = same & (first >= most.max())
    near = highest(most, NEAR)
    alone = same & (first >= 16) & (first > 3.0 * near)
    top = float(first[above].min()) if above.any() else None
    return above | alone, top


def find(stack: np.ndarray, total: np.ndarray, good: np.ndarray, corner: bool) -> dict[str, np.ndarray]:
    """{what they are: (H, W) bool} of the pixels that do not measure, beside `marked` ones.

    stack : (k, H, W) frames; total : (H, W) their sum, or that of more frames; both in counts
    good  : (H, W) bool, without what is known to be bad; corner : frames in FFT order
    """
    if len(stack) < LEAST or min(good.shape) < 8:
        return {}
    total = np.where(good, total, 0).astype(np.float32)
    centre = beam(total)
    found = {"hot rows": hot_lines(stack, total, good, centre)}
    left = good & ~found["hot rows"]
    found["dead rows"] = np.zeros(good.shape, bool) if corner else dead_bands(total, left)
    left &= ~found["dead rows"]
    cross = np.zeros_like(total)
    cross[1:-1, 1:-1] = (total[:-2, 1:-1] + total[2:, 1:-1] + total[1:-1, :-2] + total[1:-1, 2:]) / 4
    found["hot"] = hot_pixels(
        stack, left & (total > 1.5 * cross) & (total > SIGMA * len(stack) / 2), left, centre
    )
    found["dead"] = dead_pixels(total, left & (total < 0.5 * cross) & (cross > SIGMA**2), left)
    few = MANY * good.sum()
    return {name: bad for name, bad in found.items() if bad.any() and (bad.sum() < few or "rows" in name)}


def around(a: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(m, 8): the neighbours in a frame (H, W) of the pixels at (m, 2); for those outside one inside."""
    h, w = a.shape
    rows, columns = (np.clip(at[:, k, None] + np.array(RING)[:, k], 0, (h, w)[k] - 1) for k in (0, 1))
    return a[rows, columns]


def beam(total: np.ndarray) -> tuple[int, int]:
    """The brightest place: of the brightest pixels the one whose fourth brightest neighbour is brightest.

    (Beside a hot row three neighbours are bright.)
    """
    most = min(total.size, 2000)
    at = np.stack(np.unravel_index(np.argpartition(total.ravel(), -most)[-most:], total.shape), 1)
    best = np.partition(around(total, at), -4, axis=-1)[:, -4]
    return tuple(int(v) for v in at[best.argmax()])


def hot_pixels(stack, maybe, good, centre) -> np.ndarray:
    """(H, W) bool: those of `maybe` that are far above all but two neighbours in nearly all frames."""
    out, (row, column) = np.zeros(good.shape, bool), centre
    maybe[max(0, row - BEAM) : row + BEAM + 1, max(0, column - BEAM) : column + BEAM + 1] = False
    at = np.argwhere(maybe)
    if not len(at) or len(at) > good.size // 8:
        return out
    known, hot = around(good, at), np.zeros(len(at))
    for frame in stack:
        ring = np.sort(np.where(known, around(frame, at), 0), axis=-1)[:, -3].astype(np.float64)
        hot += frame[tuple(at.T)] > FACTOR * ring + SIGMA * np.sqrt(np.maximum(ring, 0) + 1)
    out[tuple(at[hot > OFTEN * len(stack)].T)] = True
    return out


def dead_pixels(total, maybe, good) -> np.ndarray:
    """(H, W) bool: those of `maybe` with next to nothing where all but two neighbours have many."""
    out, at = np.zeros(good.shape, bool), np.argwhere(maybe)
    if len(at):
        ring = np.sort(np.where(around(good, at), around(total, at), -1.0), axis=-1)[:, 2]
        own = total[tuple(at.T)]
        dead = (own < DIM * ring) & (ring - own > SIGMA * np.sqrt(np.maximum(ring, 0)))
        out[tuple(at[dead].T)] = True
    return out


def dead_bands(total, good) -> np.ndarray:
    """(H, W) bool: rows and columns without any count between rows (columns) that have many."""
    out, total = np.zeros(good.shape, bool), np.where(good, total, 0)
    for axis in (0, 1):
        lines = total.sum(1 - axis)
        edges = np.diff(np.concatenate([[0], lines == 0, [0]]))
        for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)):
            if a > 0 and b < len(lines) and min(lines[a - 1], lines[b]) > ROW:
                np.moveaxis(out, axis, 0)[a:b] = True
    return out & good


def hot_lines(stack, total, good, centre) -> np.ndarray:
    """(H, W) bool: single rows and columns of which most pixels stand far above those on both sides."""
    out = np.zeros(good.shape, bool)
    for axis in (0, 1):
        t, g = np.moveaxis(total, axis, 0), np.moveaxis(good, axis, 0)
        lines = t.sum(1)
        neighbours = np.pad(lines, 1, mode="reflect")
        maybe = lines > 2 * np.maximum(neighbours[:-2], neighbours[2:]) + SIGMA * np.sqrt(lines)
        maybe[max(0, centre[axis] - BEAM) : centre[axis] + BEAM + 1] = False
        for k in np.flatnonzero(maybe).tolist():
            near = np.maximum(t[abs(k - 1)], t[k + 1 if k + 1 < len(t) else k - 1])
            above = g[k] & (t[k] > FACTOR * near + SIGMA * np.sqrt(near + 1))
            if above.sum() > 0.5 * max(g[k].sum(), len(g[k]) // 4) and _often(stack, axis, k):
                np.moveaxis(out, axis, 0)[k] = True
    return out & good


def _often(stack, axis, k) -> bool:
    """Is a row (column) brighter than those beside it in nearly all frames?"""
    last = stack.shape[1 + axis] - 1
    lines = [np.take(stack, min(j, 2 * last - j), 1 + axis) for j in (k, abs(k - 1), k + 1)]
    own, one, other = (line.sum(1, dtype=np.float64) for line in lines)
    return bool((own > 2 * np.maximum(one, other)).mean() > OFTEN)
