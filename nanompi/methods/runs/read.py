"""The reader `runs`: images of earlier runs as one stack, which a later stage works on.

    input: {file: "{ptycho}"}                     # in a workflow: what the stage `ptycho` has given
    input: {runs: "runs/scan-*/latest"}           # run folders by a pattern, or a list of them
    input: {runs: [runs/a/latest, runs/b/latest], signal: Fe_K}

The axis of the stack are the angles of the runs, or else their energies, or else the first value in which
the items of the stage differ. Ptychography gives line integrals over angles and attenuation over energies;
`signal` asks for another image. All come onto one grid, by the size of their pixels and by where they stand.
"""

from pathlib import Path
from typing import Literal

import numpy as np

from nanompi.data.data import Data
from nanompi.errors import DataError, JobError
from nanompi.io.hdf5 import at, foreign, open_hdf5, text
from nanompi.methods.ptycho.earlier_result import ENTRY
from nanompi.methods.runs.angles import angles_of, listed
from nanompi.methods.runs.grid import SAME, Grid, common_grid
from nanompi.methods.runs.image import Image, image_of, is_ptychography
from nanompi.methods.runs.named import Named, results, runs_of
from nanompi.methods.runs.source import RunImages
from nanompi.run.result import ITEMS
from nanompi.run.verdict import GRADES
from nanompi.step import param, reader
from nanompi.units import EV

OF_AXIS = {"angle": "phase", "energy": "attenuation"}  # what is asked of ptychography where nothing is
TITLES = {"phase": "phase", "attenuation": "attenuation", "amplitude": "amplitude", "complex": "image"}
SAID = 5  # runs that are named
LEFT = 0.95  # of runs that were listed by the job must have a result


@reader("runs", steps=("tomo.align", "tomo"))
class Runs:
    """Results of earlier runs as one stack: of a stage, by `file:`, or of run folders, by `runs:`."""

    runs: list[str] | str = param(
        [], level="basic", help='run folders or results by patterns, "runs/scan-*/latest", in place of file'
    )
    signal: str = param(
        "auto",
        level="basic",
        help="phase, attenuation, amplitude or complex of ptychography, or the name of a map; auto: phase "
        "over angles, attenuation over energies, else what the result opens with",
    )
    axis: str = param(
        "auto", help="what the runs differ in: angle, energy, or a word of `foreach`; auto: what differs"
    )
    angles: str = param("", kind="file", help="text file: NAME ANGLE of each run, in degrees, or ANGLE alone")
    place: Literal["auto", "position", "middle"] = param(
        "auto",
        help="how images lie on one another: by where they were scanned, or by their middles; auto: by "
        "position where that leaves half of the smallest",
    )
    field: Literal["common", "all"] = param("common", help="what all images saw, or what any of them saw")
    grid: float | None = param(
        None, unit="m", gt=0, help="pixel of the stack; the largest of the images' if not given"
    )
    needs: float | None = param(
        None, gt=0, le=1, help="part of the runs that must have a result; of a stage any, else 0.95"
    )

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """A folder of a stage, or a run folder."""
        folder = Path(path)
        one = (folder / "result.h5").is_file() and not given.get("map")
        return one or (folder / ITEMS).is_file()

    def open(self, file: str, given) -> dict[str, Data]:
        """Images with the axis of the runs, made when they are read.

        Errors: DataError, JobError.
        """
        patterns = [self.runs] if isinstance(self.runs, str) else list(self.runs)
        if bool(patterns) == bool(file):
            raise JobError("input: name the folder of a stage by `file:`, or run folders by `runs:`")
        if given.pixel:
            raise JobError("input.pixel is that of a detector; the pixel of the stack is `grid:`")
        notes: list[str] = []
        images = self._known(runs_of(file, patterns), bool(patterns), notes)
        axis = self._axis(images)
        along, unit = coordinates(images, axis, self.angles)
        order = np.argsort(along, kind="stable") if axis == "energy" else np.arange(len(images))
        images, coords = [images[k] for k in order], {axis: (along[order], unit)}
        notes += not_good(images)
        grid = common_grid(images, self.place, self.field, self.grid)
        notes += said_of(images, grid)
        source = RunImages(images, grid)
        if images[0].of == "phase":
            upright(source)
        return {"data": self._data((file or ", ".join(patterns)), axis, coords, source, notes)}

    def _known(self, named: list[Named], listed_here: bool, notes: list[str]) -> list[Image]:
        """Those that have a result; the others are named. Errors: DataError where too few have."""
        signal = self._signal(named)
        known, missing = results(named, lambda file, values: image_of(file, values, signal))
        if missing:
            notes.append(f"warning: {len(missing)} of {len(named)} runs have no result: {'; '.join(missing)}")
        needs = self.needs or (LEFT if listed_here and len(named) > 1 else 0.0)
        if not known or len(known) < needs * len(named):
            raise DataError(
                f"input: {len(known)} of {len(named)} runs have a result"
                + (f", {needs:.0%} are needed (`needs:`)" if needs else "")
                + f"; missing: {'; '.join(missing)}"
            )
        return known

    def _signal(self, named: list[Named]) -> str:
        """What is asked of the results, as the first of them that there is says it."""
        if self.signal != "auto":
            return self.signal
        found, _ = results(named, lambda file, values: "" if is_ptychography(file) else main_signal(file))
        if not found or found[0]:
            return found[0] if found else "phase"
        images, _ = results(named, lambda file, values: image_of(file, values, "complex"))
        return OF_AXIS.get(self._axis(images) if images else "", "complex")

    def _axis(self, images: list[Image]) -> str:
        """Name of the axis: what the runs differ in."""
        if self.axis != "auto":
            return self.axis
        if self.angles:
            return "angle"
        words = ["angle", "energy", *(word for one in images for word in one.values)]
        return next((word for word in dict.fromkeys(words) if differs(images, word)), "scan")

    def _data(self, file: str, axis: str, coords, source: RunImages, notes) -> Data:
        first, grid = source.images[0], source.grid
        sides = ("row", "column") if axis == "angle" else ("y", "x")
        known = first.pixel is not None
        facts = {"pixel": float(grid.pixel.max())} if known else {}
        energies = {one.values.get("energy") for one in source.images}
        if len(energies) == 1 and None not in energies:
            facts["energy"] = energies.pop()
        if known and axis != "angle":
            coords |= {side: (c + p * np.arange(n), "m")
                       for side, c, p, n in zip(sides, grid.corner, grid.pixel, grid.shape)}  # fmt: skip
        return Data(
            axes=(axis, *sides),
            source=source,
            coords=coords,
            facts=facts,
            unit=first.unit,
            title=TITLES.get(first.of, first.of.replace("_", " ")),
            file=file,
            format=self.name,
            notes=notes,
        )


def differs(images: list[Image], word: str) -> bool:
    """Do all images have a value of this name, not all the same?"""
    values = [one.values.get(word) for one in images]
    return None not in values and len(set(map(str, values))) > 1


def coordinates(images: list[Image], axis: str, table: str) -> tuple[np.ndarray, str]:
    """(values, unit) along the axis: rad of angles, eV of energies, else the numbers of the items, or 0, 1,
    2 ...

    Errors: DataError naming runs whose angle or energy nobody knows, and equal energies.
    """
    if axis == "angle" and table:
        return angles_of([one.file for one in images], listed(table), table), "rad"
    values = [one.values.get(axis) for one in images]
    unknown = [one.file for one, value in zip(images, values) if value is None]
    if axis in OF_AXIS and unknown:
        raise DataError(
            f"the {axis} of {len(unknown)} of {len(images)} runs is not known: {', '.join(unknown[:5])}; say "
            f"it in the input section of each (`{axis}:`)" + (", or by `angles: FILE`" * (axis == "angle"))
        )
    if axis == "energy":
        own = np.array(values, np.float64) / EV
        if len(np.unique(own)) < len(own):
            raise DataError(f"two of the runs have the same energy: {', '.join(f'{e:g}' for e in own)} eV")
        return own, "eV"
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    own = np.array(values, np.float64) if numbers else np.arange(len(images), dtype=np.float64)
    return own, "rad" if axis == "angle" else ""


def main_signal(file: str) -> str:
    """Name of what a result opens with. Errors: DataError."""
    with foreign(file), open_hdf5(file) as opened:
        name = text(at(opened, ENTRY).attrs.get("default", ""))
        if not name:
            raise DataError(f"{file} does not say what it opens with; name it with `signal:`")
        return name


def not_good(images: list[Image]) -> list[str]:
    """Warnings that name the runs whose own verdict is wrong, and those where it is doubtful."""
    lines = []
    for grade in reversed(GRADES[1:]):
        if those := [one.file for one in images if one.grade == grade]:
            more = f" and {len(those) - SAID} more" if len(those) > SAID else ""
            named = ", ".join(those[:SAID]) + more
            lines.append(
                f"warning: {len(those)} of {len(images)} runs are {grade}, and in the stack: {named}"
            )
    return lines


def said_of(images: list[Image], grid: Grid) -> list[str]:
    """What there is to say of a stack: what is shown, and how the images came onto one grid."""
    h, w = grid.shape
    lines = [f"{len(images)} runs, {images[0].of} of each"]
    own = np.array([one.pixel or (1.0, 1.0) for one in images])
    if (np.abs(own / grid.pixel - 1) > SAME).any():
        lines.append(
            f"pixels of {own.min():.5g} to {own.max():.5g} m are brought to {grid.pixel.max():.5g} m"
        )
    if images[0].pixel is not None:
        how = "by their positions" if grid.placed else "by their middles"
        lines.append(f"placed {how}: {h} x {w} px")
    return lines


def upright(source: RunImages) -> None:
    """Line integrals of the phase are positive on the whole, as those of matter are: some images tell.

    Which sign a phase has depends on the convention of whoever made the image.
    """
    some = np.unique([0, len(source.images) // 2, len(source.images) - 1])
    source.sign = -1.0 if source.read(some).sum(dtype=np.float64) < 0 else 1.0
