"""A ptychography scan as data with axes: before its frames are loaded, and the prepared frames of a rank."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nanompi import units
from nanompi.data.data import Data
from nanompi.data.source import SelectedFrames
from nanompi.errors import DataError, shown
from nanompi.optics.geometry import energy_of

AXES = ("point", "row", "column")
GIVES = {"data": " ".join(AXES)}  # what a reader of scans declares
WANTED = {  # what a scan must say, by its key of the section `input`, and an example
    "energy": "energy: 8 keV",
    "distance": "distance: 2.1 m",
    "pixel": "pixel: 55 um",
}
STEPS = ("ptycho.prepare", "ptycho", "ptycho.finish")  # of a first job with a scan


@dataclass(kw_only=True)
class Scan(Data):
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
    distance_sought : the job leaves the distance to the frames (`distance: auto`)
    lag, rotate, stretch : what the job says of the stage, done to `positions`
        (nanompi.methods.ptycho.read.stage); rad
    """

    axes: tuple[str, ...] = AXES
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
    truth: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    saturated: float | None = None
    numbers: np.ndarray | None = None
    left_out: dict[str, np.ndarray] = field(default_factory=dict)
    gaps: bool = False
    distance_sought: bool = False
    lag: int = 0
    rotate: float = 0.0
    stretch: float = 0.0

    def __post_init__(self):
        """Coordinates, facts and images in the words that steps of other methods know."""
        self.coords = {"point": (self.positions, "m")}
        self.facts = {"wavelength": self.wavelength, "distance": self.distance, "pixel": self.pixel}
        if self.wavelength and self.wavelength > 0:  # not NaN: a reader may not know it
            self.facts["energy"] = energy_of(self.wavelength)
        images = {"mask": self.mask, "dark": self.dark}
        self.beside = {name: image for name, image in images.items() if image is not None}

    def completed(self, given) -> "Scan":
        """As the job wants it: its values in place of the file's, the part that it selects, all checked.

        given : the section `input`. Errors: DataError, JobError.
        """
        from nanompi.methods.ptycho.read import completed

        return completed(self, given)

    def described(self) -> list[tuple[str, str]]:
        """[(name, text)] in readable units, for `nanompi inspect`."""
        from nanompi.methods.ptycho.describe import described

        return described(self)

    def export(self, path: str) -> None:
        """Write the scan with its frames to an NXcxi_ptycho file, for `nanompi simulate`. Errors: OSError."""
        from nanompi.methods.ptycho.read.export import write

        write(self, path)

    def about(self, name: str) -> str:
        """What the log says of it. name : of the data in the run"""
        n, h, w = self.shape
        near = "" if self.focus is None else f"near field, focus to sample {units.show(self.focus, 'm')}, "
        lines = [
            f"{self.format} {shown(self.file)}: {n} frames of {h} x {w} {self.source.dtype}, {near}"
            f"wavelength {units.show(self.wavelength, 'm')}, distance {units.show(self.distance, 'm')}, "
            f"detector pixel {units.show(self.pixel[0], 'm')}",
            *(f"note: {shown(note)}" for note in self.notes),
        ]
        return "\n".join(lines)

    def split(self, parts: list[np.ndarray]) -> "Scan":
        """The same scan, of which the ranks hold these frames."""
        return self.holding(None, "point", parts)

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


def scan_of(run) -> Scan:
    """The scan of a run. Errors: DataError where its input is none."""
    return as_scan(run.data["data"])


def as_scan(data: Data) -> Scan:
    """The data, which are a scan as stored. Errors: DataError where they are not, or not any more."""
    if not isinstance(data, Scan):
        raise DataError(
            f"{data.file}: ptycho needs diffraction patterns with positions, wavelength and distance; "
            f"{data.format or 'the reader'} gives {data}"
        )
    if data.source is None:
        raise DataError(
            "ptycho.prepare loads the frames as they are stored, and an earlier step of this job has changed "
            'them. Let that step stand behind ptycho.prepare and take "frames", or behind ptycho'
        )
    return data


@dataclass(kw_only=True)
class Frames(Data):
    """Prepared frames of this rank, given by `ptycho.prepare` as `run.data["frames"]`.

    values : (n, h, w) uint16 or float32, the same as `counts`: frame k is scan position `index[k]`; a
        negative value is a pixel not measured
    index  : (n,) int64, positions of the whole scan, = parts[team.rank]; after `ptycho` both may have
        changed (ptycho.balance)
    mask   : (h, w) bool, True = good, in the order of `counts`
    corner : zero frequency at [0, 0] (far field); False: natural order (near field)
    pixel  : (2,) detector pixel in metres after rebinning
    scale  : (n,) float32 or None, intensity of each exposure relative to the mean (monitor); the model is
        scaled, not the counts
    gain   : counts = stored value / gain
    noise  : "counts" = Poisson; "smooth" = whole numbers with less noise; "none" = no counting noise was seen
    fano   : variance of the counts over their mean, 1 = Poisson, 0 = no noise
    background : counts of each pixel that do not come through the object
    split  : name of the partition by which the scan is split over the ranks
    preparation : what was done, for the log and the result: {"mask": {"hot": 12, ...},
        "centre": [64.2, 63.8], ...}
    """

    axes: tuple[str, ...] = AXES
    spread: str = "point"
    index: np.ndarray
    mask: np.ndarray
    corner: bool
    pixel: tuple[float, float]
    scale: np.ndarray | None = None
    gain: float = 1.0
    noise: str = "counts"
    fano: float = 1.0
    background: float = 0.0
    split: str = "kmeans"
    preparation: dict[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> np.ndarray:
        """The values, by the name that ptychography has for them."""
        return self.values

    def for_engines(self) -> "Frames":
        """The same in a dtype that the kernels know: a step may have made other numbers of the counts."""
        known = self.values.dtype in (np.uint16, np.float32)
        return self if known else self.holding(self.values.astype(np.float32), self.spread, self.parts)
