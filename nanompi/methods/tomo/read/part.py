"""Part of the detector, the same for every reader of tomograms: some rows, some columns.

    input: {file: tooth.h5, rows: middle 16}

Where the file allows it no more is read: frames that are not compressed, or stored in chunks of a few rows.
"""

import re
from dataclasses import replace

import numpy as np

from nanompi.data.select import slice_of
from nanompi.data.source import SelectedFrames, ends
from nanompi.errors import JobError
from nanompi.methods.tomo.read.tomogram import Tomogram
from nanompi.step import param, section

MIDDLE = re.compile(r"\s*middle\s+(\d{1,9})\s*$", re.ASCII)
ALLOWED = 'start:stop or "middle N"'


@section
class Part:
    """What of each image is read."""

    rows: str = param("", help='rows that are read: "100:200", "middle 16"; all if not given')
    columns: str = param(
        "", help='columns that are read, "a:b" or "middle N"; the rotation axis counts from the first of them'
    )

    def __post_init__(self):
        for name in ("rows", "columns"):
            self._slice(name, 1)

    def of(self, tomogram: Tomogram) -> Tomogram:
        """The tomogram as far as it is read. Errors: JobError where nothing is left."""
        if not self.rows and not self.columns:
            return tomogram
        frame = tomogram.projections.shape[1:]
        part = [self._within(*each) for each in zip(("rows", "columns"), frame)]
        cropped = {name: None if (images := getattr(tomogram, name)) is None else images.cropped(*part)
                   for name in ("projections", "flats", "darks")}  # fmt: skip
        texts = [f"{name} {one.start} to {one.stop - 1} of {n}"
                 for name, one, n in zip(("rows", "columns"), part, frame)]  # fmt: skip
        return replace(tomogram, **cropped, notes=[*tomogram.notes, f"of each image {', '.join(texts)}"])

    def of_slices(self, slices):
        """A source of slices, one for each row, as far as rows are read; None where columns are missing."""
        if self.columns:
            return None
        rows = self._within("rows", slices.shape[0])
        return SelectedFrames(slices, np.arange(rows.start, rows.stop)) if self.rows else slices

    def _within(self, name: str, n: int) -> slice:
        start, stop = ends(self._slice(name, n), n)
        if start == stop:
            raise JobError(f'input.{name}: "{getattr(self, name)}" leaves none of {n} {name}')
        return slice(start, stop)

    def _slice(self, name: str, n: int) -> slice:
        """Errors: JobError for a text that is no part."""
        text = getattr(self, name)
        if middle := MIDDLE.match(text):
            count = min(int(middle[1]), n)
            return slice((n - count) // 2, (n - count) // 2 + count)
        part = slice_of(text or ":", f"input.{name}", ALLOWED)
        if part.step not in (None, 1):
            raise JobError(f'input.{name}: "{text}" is not {ALLOWED}')
        return part
