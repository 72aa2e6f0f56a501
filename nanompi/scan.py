"""What rank 0 knows of a measurement before a frame is loaded."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np


class Source(Protocol):
    """Where the frames are; small enough to be pickled and sent to every rank. Index i counts all frames of
    the scan."""

    shape: tuple[int, int, int]  # (frames, rows, columns)
    dtype: np.dtype

    def read(self, index: np.ndarray, threads: int = 1) -> np.ndarray:
        """Frames `index` (sorted or not): (len(index), rows, columns), dtype as stored, C-contiguous.

        Threads decompress chunks where the file format allows it. Errors: DataError naming file, dataset,
        frame.
        """

    def reachable(self) -> bool:
        """Can this rank open the file?"""

    # A source may also have `origin()`, which says where its frames are (`nanompi.stamp`): only then can
    # prepared frames be kept for later runs (`nanompi.cache`).


@dataclass
class Scan:
    """Positions, geometry, mask of one ptychography scan. Lengths in metres, energies in joules, SI
    everywhere.

    positions : (n, 2) float64, place of the probe on the sample as (row, column): frame j sees the object at
        r + positions[j], rows downwards in the image of the object, columns to the right. The signs and
        axes of the file's convention are already resolved by its reader.
    pixel     : (2,) detector pixel size (row, column)
    mask      : (rows, columns) bool, True = good; None = all good. In the orientation of the stored frames.
    corner    : True when frames are stored with the zero frequency at [0, 0] (FFT order)
    focus     : distance from focus to sample for near-field scans with a divergent beam; None = far field
    monitor   : (n,) incident intensity for normalisation, or None
    probe, object : start arrays found in the input: (modes, rows, columns) / (rows, columns) complex, or None
    truth     : exact arrays of a simulation: {"object": ..., "probe": ..., "corners": ...}
    """

    source: Source
    positions: np.ndarray
    wavelength: float
    distance: float
    pixel: tuple[float, float]
    mask: np.ndarray | None = None
    corner: bool = False
    focus: float | None = None
    monitor: np.ndarray | None = None
    dark: np.ndarray | None = None
    probe: np.ndarray | None = None
    object: np.ndarray | None = None
    file: str = ""
    format: str = ""
    truth: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class Frames:
    """Prepared frames of this rank, given by `ptycho.prepare` as `run.made["frames"]`.

    counts : (n, h, w) uint16 or float32, frame k is scan position `index[k]`; a negative value is a pixel
        not measured
    index  : (n,) int64, positions of the whole scan, = run.parts[team.rank]; after `ptycho` both may have
        changed (run.balance)
    mask   : (h, w) bool, True = good, in the order of `counts`
    corner : zero frequency at [0, 0] (far field); False: natural order (near field)
    pixel  : (2,) detector pixel in metres after rebinning
    scale  : (n,) float32 or None, intensity of each exposure relative to the mean (monitor); the model is
        scaled, not the counts
    notes  : what was done, for the log and the result: {"mask": {"hot": 12, ...}, "centre": [64.2, 63.8],
        ...}
    """

    counts: np.ndarray
    index: np.ndarray
    mask: np.ndarray
    corner: bool
    pixel: tuple[float, float]
    scale: np.ndarray | None = None
    notes: dict[str, Any] = field(default_factory=dict)
