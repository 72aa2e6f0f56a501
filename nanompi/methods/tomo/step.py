"""From sinograms to slices, and what there is to say of them."""

from typing import Literal

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.tomo.angles import weights
from nanompi.methods.tomo.quality import figures
from nanompi.methods.tomo.rays import Rays
from nanompi.methods.tomo.recon.fbp import FBP
from nanompi.run.figures import Figure
from nanompi.step import param, step

METHODS = {"fbp": FBP}
COVERED = 170.0  # degrees of the half turn; with less, directions are missing in the slice
LEAST = 10.0  # degrees; with less there is no slice to be had


@step("tomo", each="sinogram", makes=("y", "x"))
class Tomo:
    """Slices of parallel rays, x to the right, y down, the rotation axis in the middle."""

    preceded_by = ("tomo.flat", "tomo.centre")

    method: Literal["fbp"] = param("fbp", help="fbp: filtered back-projection with linear interpolation")

    gives_figures = {
        "negative": Figure(score="negative", usual=True),
        "error": Figure(score="truth", instead="negative"),
    }

    def summary(self, run, folder) -> dict[str, float]:
        """How much of the volume is negative, and its error where the truth is known (rank 0)."""
        return run.result.notes.get("tomo", {}).get("tomo", {})

    def check(self, data):
        """What of the input `start` would refuse. Errors: DataError."""
        if "column" in data.axes:
            checked_angles(data, no_log)

    def start(self, run, data):
        """The rays and what makes slices of them. Errors: DataError where there are next to no angles."""
        n = data.size("column")
        angles, share = run.team.on_root(lambda: checked_angles(data, run.warn))
        self.method_of = METHODS[self.method](Rays(angles, share, n, n), self, run.device)
        self.truth, self.pixel = data.beside.get("truth"), data.facts.get("pixel", 1.0)
        self.axis = data.facts.get("axis", ((n - 1) / 2, 0.0))
        self.middle = (data.size("row") - 1) / 2 if "row" in data.axes else 0.0

    def block(self, block, info):
        """(k, angle, column) line integrals -> (k, y, x) attenuation, 0 where rays miss the detector"""
        column, slope = self.axis
        rows = info.places.get("row", np.zeros(len(block)))
        slices = self.method_of.slices(block, column + slope * (rows - self.middle))
        slices /= slices.dtype.type(self.pixel)  # line integrals have no unit: attenuation per metre
        return slices

    def finish(self, run):
        """Slices are numbered along z, the axes carry their places; figures go to log and result."""
        volume = run.data[self.takes]
        slices = np.moveaxis(volume.values, volume.axes.index(volume.spread), 0)
        own = figures(run.team, slices, volume.parts[run.team.rank], self.truth)
        run.result.notes.setdefault("tomo", {})["tomo"] = own
        run.say("tomo: " + ", ".join(f"{name} {value:.4g}" for name, value in own.items()))
        pixel = volume.facts.get("pixel")
        size, unit = (pixel, "m") if pixel else (1.0, "px")
        volume.axes = tuple("z" if axis == "row" else axis for axis in volume.axes)
        volume.spread = "z" if volume.spread == "row" else volume.spread
        for axis in {"z", "y", "x"} & set(volume.axes):
            n = volume.size(axis)
            volume.coords[axis] = (np.arange(n) - (n - 1) / 2) * size, unit
        volume.unit, volume.title = f"1/{unit}", "attenuation"


def no_log(line: str) -> None:
    """Where nobody listens yet."""


def checked_angles(data, warn) -> tuple[np.ndarray, np.ndarray]:
    """(A,) angles and (A,) weights, both in rad; a warning where directions are missing.

    Errors: DataError where there are no angles, or next to no directions.
    """
    if "angle" not in data.coords:
        raise DataError("tomo needs the angles of the projections; the data have none")
    angles = np.asarray(data.coords["angle"][0], np.float64)
    share = weights(angles)
    n, degrees = len(angles), float(np.rad2deg(share.sum()))
    if degrees < LEAST:
        raise DataError(
            f"tomo: {n} projections cover {degrees:.3g} degrees; a slice needs 180. If the angles are in "
            "radians, say so in the input section: `units: {angle: rad}`"
        )
    if degrees < COVERED:
        warn(
            f"tomo: the projections cover {degrees:.4g} of 180 degrees; edges along the missing "
            "directions are blurred, and values are too low"
        )
    return angles, share
