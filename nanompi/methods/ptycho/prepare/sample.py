"""A sample of frames from all over the scan, from which rank 0 finds mask, centre and window."""

from dataclasses import dataclass, field

import numpy as np

from nanompi.methods.ptycho.prepare.noise import Moments
from nanompi.methods.ptycho.prepare.values import lost

MOST = 64  # frames
BLOCK = 32 << 20  # bytes read at once
SOME, FEWEST = 32 << 20, 8  # bytes, or at least so many frames, that are held to look at single pixels


def sample_of(n: int, most: int = MOST) -> np.ndarray:
    """At most `most` of n frames, spread over the scan; equal steps could follow one column of a raster."""
    m = min(n, most)
    edge = np.arange(m + 1, dtype=np.int64) * n // max(m, 1)
    return edge[:-1] + (np.arange(m) * 0.6180339887 % 1 * np.diff(edge)).astype(np.int64)


@dataclass
class Sample:
    """Sums over some frames, in the order of the stored frames.

    frames : how many were seen, but for those in which nothing was measured
    total  : (H, W) float64, sum of the measured values
    seen   : (H, W) int64, how often each pixel was measured (not negative, NaN or saturated)
    lit    : (frames,) int64, pixels with counts in each; sums : (frames,) float64, of what was measured
    some   : (k, H, W) some of these frames as stored, without those that have no counts
    limit  : (H, W) what no light reaches (`zingers.highest`), or None
    bad    : {reason: (H, W) bool}, pixels that do not measure (`faulty`)
    noise  : sums over some of the frames, from which the gain is found
    """

    frames: int
    total: np.ndarray
    seen: np.ndarray
    lit: np.ndarray
    noise: Moments | None = None
    some: np.ndarray | None = None
    limit: np.ndarray | None = None
    bad: dict[str, np.ndarray] = field(default_factory=dict)
    sums: np.ndarray | None = None

    @property
    def mean(self) -> np.ndarray:
        """(H, W) float64, mean over the exposures in which a pixel was measured, 0 where it never was."""
        return self.total / np.maximum(self.seen, 1)

    @property
    def often(self) -> np.ndarray:
        """(H, W) bool: measured in more than half of the frames."""
        return self.seen * 2 > self.frames


def look(source, top: float | None, dark: np.ndarray | None = None, threads: int = 1) -> Sample:
    """Read a sample by blocks (rank 0). Errors: DataError of the source.

    top: saturated from here on; dark: (H, W), what the noise is to be found without, or None
    """
    index = sample_of(source.shape[0])
    shape = tuple(source.shape[1:])
    n, none, some = len(index), np.zeros(shape), []
    out = Sample(n, none, none.astype(np.int64), np.zeros(n, np.int64), Moments(shape, dark))
    out.sums = np.zeros(n)
    each = max(1, -(-n // max(FEWEST, SOME // max(1, none.size * np.dtype(source.dtype).itemsize))))
    step = max(1, BLOCK // max(1, shape[0] * shape[1] * np.dtype(source.dtype).itemsize))
    for i in range(0, len(index), step):
        raw = source.read(index[i : i + step], threads)
        gone = lost(raw, top)
        known = raw if gone is None else np.where(gone, 0, raw)
        out.total += known.sum(axis=0, dtype=np.float64)
        out.sums[i : i + step] = known.sum((1, 2), dtype=np.float64)
        out.lit[i : i + step] = [np.count_nonzero(frame) for frame in known]
        out.frames -= 0 if gone is None else int(gone.all((1, 2)).sum())
        out.seen += len(raw) if gone is None else (~gone).sum(axis=0)
        out.noise.add(raw, gone, len(index))
        some += [raw[j] for j in range(-i % each, len(raw), each) if out.lit[i + j]]
    out.some = np.stack(some) if some else np.zeros((0, *shape), source.dtype)
    return out
