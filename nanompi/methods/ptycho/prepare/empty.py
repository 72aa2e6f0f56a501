"""Frames in which nothing was measured at all: the shutter was closed, the beam was lost.

They are found while the frames are loaded, and then taken away from their ranks as if the scan had never had
them. A frame without counts is called empty only where chance cannot have made it so.
"""

import numpy as np

from nanompi.data.redistribute import moved, routes
from nanompi.methods.ptycho.left_out import leave_out, shown
from nanompi.methods.ptycho.parts import parts_of, saved_parts
from nanompi.methods.ptycho.prepare.sample import Sample

LOOKED = 32  # brightest pixels that are looked at first: one with counts, and the frame is not empty
SURE = 20.0  # a frame that should have so many counts, and log(frames) more, has some: exp(-20) = 2e-9
UNEVEN = 1.2  # largest part over the mean from which the frames are split again
ROWS = 64  # frames moved at once


def brightest(mean: np.ndarray) -> np.ndarray:
    """Flat numbers of the brightest pixels of a frame (h, w)."""
    most = min(LOOKED, mean.size)
    return np.sort(np.argpartition(mean.ravel(), -most)[-most:])


def dark_frames(counts: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """(k,) bool: which of some prepared frames (k, h, w) have no count in any pixel. bright : `brightest`."""
    dark = ~(counts.reshape(len(counts), -1)[:, bright] > 0).any(1)
    for j in np.flatnonzero(dark):
        dark[j] = not (counts[j] > 0).any()
    return dark


def improbable(sample: Sample, part: float, n: int) -> bool:
    """Would it be a wonder if one of n frames had no counts by chance?

    The counts which a frame should have are at least as many as pixels have some in the darkest tenth of the
    sample; so no unit of the counts is needed. part : of these pixels that are kept
    """
    lit = sample.lit[sample.lit > 0]
    return bool(len(lit) and np.percentile(lit, 10) * part > SURE + np.log(max(n, 1)))


def leave_empty_out(run, plan, counts: np.ndarray, split: str) -> np.ndarray:
    """The counts of this rank without the empty frames, of which scan and parts know no more (collective).

    split : name of the partition, for where what remains is split anew
    Errors: DataError where they are too many.
    """
    empty = np.array(plan.dark_ones, np.int64)
    if not len(empty):
        return counts
    if not plan.sure:
        run.say(
            f"prepare: {len(empty)} frames have no counts ({shown(empty)}); with so few counts that may be "
            "chance: they are kept (`select: {without: [...]}` leaves them out)"
        )
        return counts
    scan = run.data["data"]
    lost = np.isin(np.arange(len(scan.positions)), empty)
    words = "have no counts (shutter, beam)"
    run.team.on_root(lambda: leave_out(scan, lost, "empty", words) and None)
    left = leave_out(scan, lost, "empty", words)
    run.say(f"note: {left.notes[-1]}")
    number = np.cumsum(~lost) - 1
    counts = _closed(counts, ~lost[scan.parts[run.team.rank]])
    run.data["data"] = left.split([number[part[~lost[part]]] for part in scan.parts])
    if plan.scale is not None:
        plan.scale = plan.scale[~lost]
    return _evened(run, counts, split)


def _closed(counts, keep):
    """The rows that are kept, moved together in place."""
    rows = np.flatnonzero(keep)
    for i in range(0, len(rows), ROWS):
        some = rows[i : i + ROWS]
        if some[-1] != i + len(some) - 1:
            counts[i : i + len(some)] = counts[some]
    return counts[: len(rows)]


def _evened(run, counts, split):
    """The same frames, split anew where some ranks have lost many, or as a checkpoint has them."""
    scan = run.data["data"]
    sizes = [len(part) for part in scan.parts]
    uneven = max(sizes) > UNEVEN * np.mean(sizes) or not min(sizes)
    new = run.team.on_root(lambda: parts_of(run, split) if uneven or saved_parts(run) else None)
    if new is None or all(np.array_equal(a, b) for a, b in zip(scan.parts, new)):
        return counts
    ways = routes(scan.parts, new, run.team.rank)
    run.data["data"] = scan.split(new)
    return moved(run.team, ways, lambda rows: counts[rows], counts.shape[1:], counts.dtype)
