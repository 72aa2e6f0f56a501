"""What every reader of tomograms gives: projections with their angles, flat and dark images beside them."""

from dataclasses import dataclass, field

import numpy as np

from nanompi.data.data import Data
from nanompi.data.source import SelectedFrames, Source
from nanompi.errors import DataError

AXES = ("angle", "row", "column")
GIVES = {"data": " ".join(AXES)}  # what a reader of tomograms declares
STEPS = ("tomo",)  # of a first job with a tomogram


@dataclass
class Tomogram:
    """A tomogram as a file has it; nothing of its frames is loaded.

    projections : at (n,) angles in rad
    flats, darks : images without sample, without beam; None where there are none
    facts : {"pixel": m, "energy": J, "distance": m ...} as far as they are known
    per_row, per_flat : {"time": (n,) s, "current": (n,)} of each projection, and of each flat, likewise
    """

    projections: Source
    angles: np.ndarray
    flats: Source | None
    darks: Source | None
    facts: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    per_row: dict[str, np.ndarray] = field(default_factory=dict)
    per_flat: dict[str, np.ndarray] = field(default_factory=dict)
    unit: str = "counts"  # "1": line integrals already

    def checked(self) -> "Tomogram":
        """Itself, without frames that were never written. Errors: DataError naming what does not fit."""
        here, n = self.projections.where, self.projections.shape[0]
        if len(self.angles) != n:
            raise DataError(
                f"{here}: {n} projections, but {len(self.angles)} angles; mend the file, or, where the steps "
                "are equal, give `span: 180 deg` in the input section"
            )
        if self.projections.shape[2] < 2:
            raise DataError(f"{here} has frames of one column; a slice needs more")
        written = ~self.projections.holes().frames
        self.angles, self.per_row = self.angles[written], _some(self.per_row, written)
        if self.per_flat:
            self.per_flat = _some(self.per_flat, ~self.flats.holes().frames)
        shape = self.projections.shape[1:]
        for name in ("projections", "flats", "darks"):
            setattr(self, name, _written(getattr(self, name), shape, here, self.notes))
        return self

    def data(self, file: str, format: str) -> Data:
        """As steps know it; images that are missing are not beside it."""
        beside = {"flat": self.flats, "dark": self.darks, "per_flat": self.per_flat or None}
        return Data(
            axes=AXES,
            source=self.projections,
            coords={"angle": (self.angles, "rad")},
            facts=self.facts,
            beside={name: images for name, images in beside.items() if images is not None},
            unit=self.unit,
            title="projections",
            file=file,
            format=format,
            notes=self.notes,
            per_row=self.per_row,
        )


def _some(values: dict[str, np.ndarray], which: np.ndarray) -> dict[str, np.ndarray]:
    return {name: own[which] for name, own in values.items()}


def _written(source: Source | None, shape, projections: str, notes: list[str]) -> Source | None:
    """A source without frames that nobody wrote, which read as darkness: what is left out is noted.

    None where there are no frames. Errors: DataError where they do not fit the projections.
    """
    if source is None or not source.shape[0]:
        return None
    if source.dtype.kind not in "biuf":
        raise DataError(f"{source.where} has values of type {source.dtype}; counts are real numbers")
    if source.shape[1:] != shape:
        raise DataError(
            f"{source.where} has images of {source.shape[1]} x {source.shape[2]}, but the projections in "
            f"{projections} have {shape[0]} x {shape[1]}"
        )
    lost = source.holes().frames
    if lost.all():
        raise DataError(f"{source.where}: none of {len(lost)} frames was written; was the scan stopped?")
    if lost.any():
        notes.append(
            f"warning: {source.where}: {lost.sum()} of {len(lost)} frames were never written, the first is "
            f"number {np.flatnonzero(lost)[0]}; left out"
        )
    return SelectedFrames(source, np.flatnonzero(~lost)) if lost.any() else source
