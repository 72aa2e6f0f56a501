"""The step `xanes.absorbance`: from images at rising energies to absorption."""

from typing import Literal

import numpy as np

from nanompi.errors import DataError
from nanompi.run.verdict import give
from nanompi.step import item, param, step, total

MANY = 0.01  # of the values without counts: more are a warning


@step("xanes.absorbance", each="frame", gives={"data": item("y", "x"), "_absorbance_lost": total()})
class Absorbance:
    r"""Absorption of each pixel: -ln(I / I0) of transmission, I / I0 of fluorescence.

    Values without counts, or with negative ones, have no absorption: they are NaN, counted and told. The
    scale of I0 does not matter for fluorescence; in transmission another scale is a constant in all spectra.

    .. math::

        \mu t = -\ln \frac{I}{I_0}, \qquad \mu \propto \frac{I_f}{I_0}

    The first of light that came through, the second of fluorescence.

    Unit: none.

    Source: no paper; Beer and Lambert's law.

    Example::

        - {use: xanes.absorbance, measured: fluorescence}
        - xanes.normalise
    """

    measured: Literal["transmission", "fluorescence"] = param(
        "transmission",
        level="basic",
        help="what the images are: light that came through, or fluorescence that it made",
    )

    def idle(self, data) -> bool:
        """Nothing is done to what is absorption already."""
        return data.unit == "1"

    def check(self, data):
        """Errors: DataError where I0 is missing or cannot be right."""
        self._i0(data)

    def maps_after(self, data, known: list[str]) -> list[str]:
        """None more."""
        return known

    def _i0(self, data) -> np.ndarray:
        """(energy,), or (energy, y, x), float64; of fluorescence that has none, 1."""
        i0 = data.beside.get("i0")
        if i0 is None and self.measured == "transmission":
            raise DataError(
                f"{self.name}: transmission needs I0, and {data.file} brings none; name it with `paths: "
                "{i0: ...}` or `i0: i0.txt` in the input section, or write `measured: fluorescence` where it "
                "is that"
            )
        i0 = np.ones(data.size("energy")) if i0 is None else np.asarray(i0, np.float64)
        bad = ~(i0 > 0)
        if bad.any():
            first = np.argwhere(bad)[0]
            raise DataError(
                f"{self.name}: I0 of {data.file} is {i0[tuple(first)]:g} at energy number {first[0]} "
                f"({bad.sum()} such of {bad.size}); it must be above 0: leave that image out by "
                f"`input: {{select: {{without: [{first[0]}]}}}}`"
            )
        return i0

    def start(self, run, data):
        """I0 of all images. Errors: DataError."""
        self.i0, self.real, self.values = self._i0(data), run.device.real, np.prod(data.shape)
        if "i0" not in data.beside:
            run.say(f"{self.name}: there is no I0; the images are taken as they are")

    def block(self, block, info):
        """(k, y, x) counts -> absorption, real, and how many values of each image have none"""
        ratio = block / info.part(self.i0, *("energy", "y", "x")[: self.i0.ndim])
        if self.measured == "transmission":
            ratio = -np.log(np.where(ratio > 0, ratio, np.nan))
        else:
            ratio = np.where(ratio >= 0, ratio, np.nan)
        lost = np.isnan(ratio).sum((1, 2))
        return {"data": ratio.astype(self.real), "_absorbance_lost": lost}

    def finish(self, run):
        """How many values were lost. Errors: DataError where none is left."""
        lost = int(run.data.pop("_absorbance_lost").values)
        data = run.data["data"]
        data.unit, data.title = "1", f"absorption ({self.measured})"
        data.beside = {key: value for key, value in data.beside.items() if key != "i0"}
        part = lost / max(1, self.values)
        run.result.notes.setdefault("xanes", {})["absorbance"] = {"lost": lost, "measured": self.measured}
        if lost == self.values:
            raise DataError(f"{self.name}: none of the {lost} values is above 0; is it the right dataset?")
        words = f"{lost} of {self.values} values ({part:.2%}) have no counts above 0; they are NaN"
        if part > MANY:
            run.team.on_root(lambda: run.warn(f"{self.name}: {words}"))
            give(run, self.name, "doubtful", words, lost=lost)
        elif lost:
            run.say(f"{self.name}: {words}")
