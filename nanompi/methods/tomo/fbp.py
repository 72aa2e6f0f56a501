"""Filtered back-projection of parallel rays, slice by slice:

    f(x, y) = integral over half a turn of (p_angle * h)(x cos(angle) + y sin(angle)) d angle

with h the band-limited ramp filter (`ramp`): Kak & Slaney, Principles of Computerized Tomographic Imaging,
chapter 3 (doi:10.1137/1.9780898719277). The sum over angles weighs each by its part of the half turn
(`angles`), so that their steps need not be equal, and a half and a full turn give the same.
"""

import numpy as np

from nanompi.errors import DataError, JobError
from nanompi.methods.tomo.angles import weights
from nanompi.methods.tomo.quality import figures
from nanompi.methods.tomo.ramp import filtered, ramp
from nanompi.run.figures import Figure
from nanompi.step import param, step

COVERED = 170.0  # degrees of the half turn; with less, directions are missing in the slice
LEAST = 10.0  # degrees; with less there is no slice to be had


@step("tomo.fbp", each="sinogram", makes=("y", "x"))
class FBP:
    """Filtered back-projection of each slice: ramp filter, linear interpolation, x to the right, y down."""

    centre: float | None = param(
        None, unit="px", help="column of the rotation axis, 0 = middle of the first; the middle if not given"
    )

    gives_figures = {
        "negative": Figure(score="negative", usual=True),
        "error": Figure(score="truth", instead="negative"),
    }

    def summary(self, run, folder) -> dict[str, float]:
        """How much of the volume is negative, and its error where the truth is known (rank 0)."""
        return run.result.notes.get("tomo", {})

    def check(self, data):
        """What of the input or the job `start` would refuse. Errors: JobError, DataError."""
        if "column" in data.axes:
            self._axis(data.size("column"), no_log)
            checked_angles(data, no_log)

    def start(self, run, data):
        """The filter, the axis, the angles. Errors: JobError for a centre off the detector, DataError."""
        n = data.size("column")
        self.transfer, self.truth = ramp(n), data.beside.get("truth")
        self.axis = run.team.on_root(lambda: self._axis(n, run.say))
        angles, share = run.team.on_root(lambda: checked_angles(data, run.warn))
        share = share / data.facts.get("pixel", 1.0)  # line integrals have no unit: attenuation per metre
        self.turn = np.stack([np.cos(angles), np.sin(angles), share], 1)

    def block(self, block, info):
        """(k, angle, column) line integrals -> (k, y, x) attenuation, 0 where rays miss the detector"""
        k, _, n = block.shape
        q, out = np.empty_like(block), np.zeros((k, n, n), block.dtype)
        for rows, own in zip(block, q):  # one by one: the same bits in blocks of any length
            own[...] = filtered(rows, self.transfer)
        radius = min(self.axis, n - 1 - self.axis)
        info.device.by_rows(info.kernels.backproject, q, self.turn, self.axis, radius, out)
        return out

    def finish(self, run):
        """Slices are numbered along z, the axes carry their places; figures go to log and result."""
        volume = run.data[self.takes]
        slices = np.moveaxis(volume.values, volume.axes.index(volume.spread), 0)
        own = figures(run.team, slices, volume.parts[run.team.rank], self.truth)
        run.result.notes["tomo"] = own
        run.say("tomo.fbp: " + ", ".join(f"{name} {value:.4g}" for name, value in own.items()))
        pixel = volume.facts.get("pixel")
        size, unit = (pixel, "m") if pixel else (1.0, "px")
        volume.axes = tuple("z" if axis == "row" else axis for axis in volume.axes)
        volume.spread = "z" if volume.spread == "row" else volume.spread
        for axis in {"z", "y", "x"} & set(volume.axes):
            n = volume.size(axis)
            volume.coords[axis] = (np.arange(n) - (n - 1) / 2) * size, unit
        volume.unit, volume.title = f"1/{unit}", "attenuation"

    def _axis(self, n: int, say) -> float:
        if self.centre is None:
            say(f"tomo.fbp: no centre is given; the middle is taken, column {(n - 1) / 2:g} of 0 to {n - 1}")
            return (n - 1) / 2
        if not 0 < self.centre < n - 1:
            raise JobError(f"tomo.fbp.centre: {self.centre:g} px is not between the columns 0 and {n - 1}")
        return self.centre


def no_log(line: str) -> None:
    """Where nobody listens yet."""


def checked_angles(data, warn) -> tuple[np.ndarray, np.ndarray]:
    """(A,) angles and (A,) weights, both in rad; a warning where directions are missing.

    Errors: DataError where there are no angles, or next to no directions.
    """
    if "angle" not in data.coords:
        raise DataError("tomo.fbp needs the angles of the projections; the data have none")
    angles = np.asarray(data.coords["angle"][0], np.float64)
    share = weights(angles)
    n, degrees = len(angles), float(np.rad2deg(share.sum()))
    if degrees < LEAST:
        raise DataError(
            f"tomo.fbp: {n} projections cover {degrees:.3g} degrees; a slice needs 180. If the angles are in "
            "radians, say so in the input section: `units: {angle: rad}`"
        )
    if degrees < COVERED:
        warn(
            f"tomo.fbp: the projections cover {degrees:.4g} of 180 degrees; edges along the missing "
            "directions are blurred, and values are too low"
        )
    return angles, share
