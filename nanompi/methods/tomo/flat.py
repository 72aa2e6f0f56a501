"""Flat-field correction: T = (I - D) / (F - D), and -log T, the line integrals of the attenuation.

F and D are images without sample and without beam. Where the beam's current is known of projections and
flats, F is scaled to that of the projection; `flat: linear` takes F between flats before and flats after.
"""

from typing import Literal

import numpy as np

from nanompi.data.blocks import Info
from nanompi.device import Cpu
from nanompi.errors import DataError
from nanompi.methods.tomo.flats import light_of
from nanompi.methods.tomo.light import Light
from nanompi.methods.tomo.said import unheard
from nanompi.methods.tomo.seen import CAP, KINDS, LEAST, MOST, Seen, doubts
from nanompi.step import param, step

MOST_DEAD = 0.5  # of the pixels; with more, flats and darks are not what they are said to be
MANY_DEAD = 0.01  # of the pixels; more are told as a warning
MOST_BRIGHT = 0.05  # of the detector: with more, the flats are those of another scan
RUN = 32  # values side by side, whose mean counting noise does not make so bright
LOOKED_AT = 3  # projections, before the others are read


@step("tomo.flat", each="pixel")
class Flat:
    r"""Line integrals -log T of projections, T = (I - D) / (F - D) by flat images F and dark images D.

    .. math::

        p = -\log T, \qquad T = \frac{I - D}{F - D}

    I is a projection, F the flat, D the dark image.

    Unit: none: integrals of the attenuation along the rays.

    Source: no paper; Beer and Lambert's law.

    Example::

        - {use: tomo.flat, flat: linear}
        - tomo
    """

    start_checks = True

    flat: Literal["mean", "median", "linear", "none"] = param(
        "mean",
        level="basic",
        help="of the flat images; linear: in time, between those before and those after; none: the "
        "projections are transmissions",
    )
    dark: Literal["mean", "median", "none"] = param("mean", help="of the dark images; none: there is no dark")
    floor: float = param(LEAST, gt=0, lt=1, help="least transmission whose logarithm is taken")

    def idle(self, data) -> bool:
        """Nothing is done to what is no counts."""
        return data.unit not in ("", "counts")

    def check(self, data):
        """DataError where images are missing or do not belong to the scan, before the run."""
        self._light(data, np.float64, unheard, unheard)

    def start(self, run, data):
        """The light without a sample, the same on all ranks. Errors: DataError where images are missing."""
        self.light = run.team.on_root(lambda: self._light(data, run.device.real, run.say, run.warn))
        n = data.size("angle")
        self.angles, self.light.seen = np.asarray(data.coords.get("angle", [np.zeros(n)])[0]), Seen(n)

    def block(self, block, info):
        """Counts of any piece of projections -> line integrals, real"""
        t = self.light.transmission(block, info)
        return np.negative(np.log(t, out=t), out=t)

    def block_tallies(self):
        """What was seen of the light by this rank."""
        return self.light.seen.tallies()

    def block_regain(self, tallies):
        """With what was seen before."""
        for name, own in self.light.seen.tallies().items():
            own += tallies[name]

    def finish(self, run):
        """What was seen of the light, its doubts and a verdict. Errors: DataError where there is none."""
        seen = self.light.seen
        run.team.sum(seen.counts, seen.ends, seen.each)
        odd, reasons = doubts(seen, self.angles)
        own = dict(zip(KINDS, seen.counts.tolist())) | {"air": list(seen.air()), "odd_projections": odd}
        own |= {"dead_pixels": len(self.light.dead), "flat": self.flat}
        own |= {"verdict": "doubtful", "reason": "; ".join(reasons)} if reasons else {}
        run.result.notes.setdefault("tomo", {})["flat"] = own
        run.team.on_root(lambda: tell(seen, reasons, run.say, run.warn))

    def _light(self, data, real, say, warn) -> Light:
        """The light, and a look at some projections by it. Errors: DataError"""
        light = light_of(data, self.flat, self.dark, real)
        light.floor = self.floor
        tell_dead(len(light.dead), light.beam.size, say, warn)
        if light.scale is not None:
            say("tomo.flat: flats are scaled by the beam's current, which is known of each projection")
        if hasattr(data.source, "read") and data.values is None:
            looked_at(light, data)
        return light


def looked_at(light: Light, data) -> None:
    """Some projections by this light. Errors: DataError where more light comes through than there is."""
    n = data.size("angle")
    index = np.unique(np.linspace(0, n - 1, LOOKED_AT).astype(int))
    info = Info(data, index, {"angle": index}, Cpu(threads=1), ("angle", "row", "column"), again=True)
    t = light.transmission(data.source.read(index), info)
    run = min(RUN, t.shape[-1])
    t = np.minimum(t[..., : t.shape[-1] // run * run], CAP)  # a zinger is not the light of the scan
    bright = (t.reshape(-1, run).mean(-1) > MOST).mean()
    if bright > MOST_BRIGHT:
        raise DataError(
            f"tomo.flat: {bright:.0%} of the detector sees more than {MOST:g} times the light of the flats; "
            "they do not belong to this scan, or were taken at another exposure; name others, or write "
            "`flat: none`"
        )


def tell_dead(dead: int, pixels: int, say, warn) -> None:
    """How many pixels see no beam. Errors: DataError where most do."""
    if dead > MOST_DEAD * pixels:
        raise DataError(
            f"tomo.flat: the flat images are not brighter than the dark ones in {dead} of {pixels} pixels; "
            "are they exchanged, or was the shutter closed?"
        )
    if dead:
        tell_it = warn if dead > MANY_DEAD * pixels else say
        tell_it(f"tomo.flat: {dead} of {pixels} pixels see no beam; filled from the others of their row")


def tell(seen: Seen, reasons: list[str], say, warn) -> None:
    """A warning of values that are no numbers, and of doubts. Errors: DataError where there is no light."""
    lost, clipped, _, values = seen.counts.tolist()
    if lost and lost == values:
        raise DataError(f"tomo.flat: none of the {values} values of the projections is a number")
    if values and not (seen.light() > LEAST).any():
        raise DataError(
            "tomo.flat: the projections are no brighter than the dark images; was the shutter closed, or are "
            "these dark images?"
        )
    if lost:
        warn(
            f"tomo.flat: {lost} of {values} values of the projections are no numbers (NaN or infinite); "
            "they are taken as rays through air, and leave lines in the slices"
        )
    if clipped:
        say(f"tomo.flat: {clipped} of {values} values were raised to the least transmission")
    for reason in reasons:
        warn(f"tomo.flat: {reason}")
