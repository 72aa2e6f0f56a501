"""What every reader of tomograms gives: projections with their angles, flat and dark images beside them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.data.source import SelectedFrames
from nanompi.errors import DataError


@dataclass
class Images:
    """Some frames of a source, by their rising numbers.

    where : file and dataset, for messages
    """

    source: Any
    numbers: np.ndarray
    where: str

    @classmethod
    def all(cls, source) -> "Images":
        """All frames of a source."""
        return cls(source, np.arange(source.shape[0]), source.where)

    def __len__(self):
        return len(self.numbers)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)"""
        return self.source.shape[1:]

    def written(self, notes: list[str]) -> np.ndarray:
        """(n,) bool: which of them the file has. One that nobody wrote reads as darkness; it is noted.

        Errors: DataError where none was written.
        """
        lost = self.source.holes().frames[self.numbers]
        if len(lost) and lost.all():
            raise DataError(f"{self.where}: none of {len(lost)} frames was written; was the scan stopped?")
        if lost.any():
            notes.append(
                f"warning: {self.where}: {lost.sum()} of {len(lost)} frames were never written, the first is "
                f"number {self.numbers[lost][0]}; left out"
            )
        return ~lost

    def reduced(self, keep: np.ndarray) -> "Images":
        """Those where `keep` is true."""
        return Images(self.source, self.numbers[keep], self.where)

    def frames(self):
        """A source of these frames alone."""
        whole = len(self.numbers) == self.source.shape[0]
        return self.source if whole else SelectedFrames(self.source, self.numbers)


@dataclass
class Tomogram:
    """A tomogram as a file has it; nothing of its frames is loaded.

    projections : at (n,) angles in rad; flats, darks : without sample, without beam; may be empty
    facts : {"pixel": m, "energy": J, "distance": m ...} as far as they are known
    """

    projections: Images
    angles: np.ndarray
    flats: Images | None
    darks: Images | None
    facts: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def checked(self) -> "Tomogram":
        """Itself, without frames that were never written. Errors: DataError naming what does not fit."""
        here, n = self.projections.where, len(self.projections)
        if not n:
            raise DataError(f"{here} has no projections")
        if len(self.angles) != n:
            raise DataError(
                f"{here}: {n} projections, but {len(self.angles)} angles; mend the file, or, where the steps "
                "are equal, give `span: 180 deg` in the input section"
            )
        if self.projections.shape[1] < 2:
            raise DataError(f"{here} has frames of one column; a slice needs more")
        keep = self._fitting(self.projections).written(self.notes)
        self.projections, self.angles = self.projections.reduced(keep), self.angles[keep]
        self.flats, self.darks = (self._images(images) for images in (self.flats, self.darks))
        return self

    def _images(self, images: Images | None) -> Images | None:
        """Flat or dark images that can be used, None where there are none."""
        if images is None or not len(images):
            return None
        return images.reduced(self._fitting(images).written(self.notes))

    def _fitting(self, images: Images) -> Images:
        if images.source.dtype.kind not in "biuf":
            raise DataError(
                f"{images.where} has values of type {images.source.dtype}; counts are real numbers"
            )
        if images.shape != self.projections.shape:
            h, w = self.projections.shape
            raise DataError(
                f"{images.where} has images of {images.shape[0]} x {images.shape[1]}, but the projections in "
                f"{self.projections.where} have {h} x {w}"
            )
        return images
