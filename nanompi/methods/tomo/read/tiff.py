"""Folders of TIFF files, one or more images in each, and the angles in a text beside them.

    input: {file: scan_0042, angles: angles.txt}

Files whose name, or that of their folder, holds the word flat, white, ref or open are flats, those with dark
are darks, all others projections, in the order of the numbers in their names. `projections`, `flats` and
`darks` name them otherwise.
"""

import os
import re
from pathlib import Path

import numpy as np

from nanompi.data.select import slice_of
from nanompi.data.tiffs import TiffFrames, natural, numbers_of, tiffs_in
from nanompi.errors import DataError
from nanompi.io.tiff import is_tiff
from nanompi.methods.tomo.read.angle import evenly, radians
from nanompi.methods.tomo.read.stored import StoredTomogram
from nanompi.methods.tomo.read.tomogram import GIVES, STEPS, Tomogram
from nanompi.step import param, reader

KINDS = ("projections", "flats", "darks")
WORD = "(?<![a-z])(?:{})s?(?:(?:field|flat)s?)?(?![a-z])"  # alone, not within another one
DARK = re.compile(WORD.format("dark"), re.I)
FLAT = re.compile(WORD.format("flat|white|ref|open"), re.I)


@reader("tomo.tiff", gives=GIVES, steps=STEPS)
class Tiffs(StoredTomogram):
    """Folders of TIFF files, or one of many pages, with the angles in a text."""

    angles: str = param(
        "", help="text with an angle in each line, from the folder; the only .txt of it if not given"
    )
    lines: str = param("", help='lines of that text that belong to projections, "10:101"; all if not given')
    projections: str = param("", help="pattern of their files, from the folder, such as raw/*.tif")
    flats: str = param("", help="pattern of the files of images without a sample; found by name if not given")
    darks: str = param("", help="pattern of the files of images without beam; found by name if not given")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """A TIFF file, or a folder with some in it or in its folders."""
        return is_tiff(path) if os.path.isfile(path) else bool(tiffs_in(Path(path)))

    def tomogram(self, file: str) -> Tomogram:
        """The tomogram of a folder; nothing is loaded. Errors: DataError."""
        folder = Path(file) if os.path.isdir(file) else Path(file).parent
        files = {kind: self._files(kind, folder, file) for kind in KINDS}
        if not files["projections"]:
            raise DataError(f"{file}: there are no TIFF files of projections")
        images = {k: TiffFrames.of(own, f"{file}: {k}") if own else None for k, own in files.items()}
        counts = [f"{one.shape[0] if one else 'no'} {kind}" for kind, one in images.items()]
        source, notes = images["projections"], [f"{file}: {', '.join(counts)}"]
        angles = self._angles(folder, source.shape[0], notes)
        return Tomogram(source, angles, images["flats"], images["darks"], {}, notes).checked()

    def _files(self, kind: str, folder: Path, file: str) -> list[str]:
        """Of one kind, in the order of their numbers"""
        if pattern := getattr(self, kind):
            named = [str(path) for path in folder.glob(pattern)]
            if not named:
                raise DataError(f"input.{kind}: {pattern} fits no file in {folder}")
            return sorted(named, key=natural)
        if os.path.isfile(file):
            return [file] if kind == "projections" else []
        return [path for path in tiffs_in(folder) if kind_of(str(Path(path).relative_to(folder))) == kind]

    def _angles(self, folder: Path, n: int, notes: list[str]) -> np.ndarray:
        """(n,) rad. Errors: DataError where there are none, or another number of them."""
        if self.span is not None:
            return evenly(self.span, n)
        texts = [str(folder / self.angles)] if self.angles else sorted(map(str, folder.glob("*.txt")))
        texts = texts if self.angles else [text for text in texts if numbers_of(text) is not None]
        if len(texts) != 1:
            raise DataError(
                f"{folder} has {len(texts)} texts that may hold the angles; name one with `angles:`, or, "
                "where the steps are equal, give `span: 180 deg` in the input section"
            )
        values = numbers_of(texts[0])
        if values is None:
            raise DataError(f"{texts[0]} is no text with one number in each line")
        values = values[slice_of(self.lines or ":", "input.lines", "start:stop")]
        if len(values) != n:
            raise DataError(
                f"{texts[0]}: {n} projections, but {len(values)} angles; where some lines belong to flats or "
                'darks, `lines: "10:101"` names those of the projections, counted from 0'
            )
        return radians(values, self.units.get("angle", ""), texts[0], notes)


def kind_of(name: str) -> str:
    """One of `KINDS`, by the name of a file."""
    return "darks" if DARK.search(name) else "flats" if FLAT.search(name) else "projections"
