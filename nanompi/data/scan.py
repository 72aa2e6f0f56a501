"""A ptychography scan before its frames are loaded (`Scan`), and the prepared frames of a rank (`Frames`)."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nanompi.data.source import SelectedFrames, Source


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
    gain      : stored units of one count, or None = found from the frames
    probe, object : start arrays found in the input: (modes, rows, columns) / (rows, columns) complex, or None
    truth     : exact arrays of a simulation: {"object": ..., "probe": ..., "corners": ..., and of their grid
        "pixel_size": (2,) m, "frame_shape": (rows, columns)}
    fingerprint : of the frames of the whole file, before any selection; "" = not known
    saturated : the least stored value that is not measured, as the file says; or None
    numbers   : (n,) int64, numbers of the frames in the file, or None = all of them
    left_out  : {reason: numbers in the file of frames that hold no data, and are not in this scan}
    gaps      : any number of such frames is accepted, as the job says
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
    gain: float | None = None
    probe: np.ndarray | None = None
    object: np.ndarray | None = None
    file: str = ""
    format: str = ""
    truth: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    notes: list[str] = field(default_factory=list)
    saturated: float | None = None
    numbers: np.ndarray | None = None
    left_out: dict[str, np.ndarray] = field(default_factory=dict)
    gaps: bool = False

    def some(self, frames: np.ndarray, positions: np.ndarray | None = None) -> "Scan":
        """The same scan with some of its frames only.

        frames, positions : rising numbers of those that stay, the same where `positions` is not given
        """
        at = frames if positions is None else positions
        source, numbers = self.source, frames if self.numbers is None else self.numbers[frames]
        if isinstance(source, SelectedFrames):
            source, inner = source.source, source.numbers[frames]
        else:
            inner = frames
        truth = dict(self.truth)
        if "corners" in truth:
            truth["corners"] = truth["corners"][at]
        return replace(
            self,
            source=SelectedFrames(source, inner),
            positions=self.positions[at],
            monitor=None if self.monitor is None else np.asarray(self.monitor)[at],
            truth=truth,
            numbers=numbers,
        )

    def for_others(self) -> "Scan":
        """What other ranks than 0 need of it: the truth, and an object to start from, stay where they are."""
        return replace(self, truth={}, object=None)


@dataclass
class Frames:
    """Prepared frames of this rank, given by `ptycho.prepare` as `run.made["frames"]`.

    counts : (n, h, w) uint16 or float32, frame k is scan position `index[k]`; a negative value is a pixel
        not measured
    index  : (n,) int64, positions of the whole scan, = run.parts[team.rank]; after `ptycho` both may have
        changed (ptycho.balance)
    mask   : (h, w) bool, True = good, in the order of `counts`
    corner : zero frequency at [0, 0] (far field); False: natural order (near field)
    pixel  : (2,) detector pixel in metres after rebinning
    scale  : (n,) float32 or None, intensity of each exposure relative to the mean (monitor); the model is
        scaled, not the counts
    gain   : counts = stored value / gain
    noise  : "counts" = Poisson; "smooth" = whole numbers with less noise; "none" = no counting noise was seen
    fano   : variance of the counts over their mean, 1 = Poisson, 0 = no noise
    split  : name of the partition by which the scan is split over the ranks
    notes  : what was done, for the log and the result: {"mask": {"hot": 12, ...}, "centre": [64.2, 63.8],
        ...}
    """

    counts: np.ndarray
    index: np.ndarray
    mask: np.ndarray
    corner: bool
    pixel: tuple[float, float]
    scale: np.ndarray | None = None
    gain: float = 1.0
    noise: str = "counts"
    fano: float = 1.0
    split: str = "kmeans"
    notes: dict[str, Any] = field(default_factory=dict)
