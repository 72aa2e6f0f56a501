"""Flat-field correction: T = (I - D) / (F - D), and -log T, the line integrals of the attenuation."""

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.tomo.light import Light
from nanompi.step import param, step

MOST_DEAD = 0.5  # of the pixels; with more, flats and darks are not what they are said to be
WORDS = {"flat": "without the sample", "dark": "without the beam"}


@step("tomo.flat", each="frame")
class Flat:
    """Attenuation -log T of each projection, by the mean of all flat and of all dark images."""

    log: bool = param(True, help="-log of the transmission; false leaves the transmission itself")

    def check(self, data):
        """DataError where images are missing, before the run."""
        for name in WORDS:
            images_of(data, name)

    def start(self, run, data):
        """The light without a sample, the same on all ranks. Errors: DataError where images are missing."""
        self.light = run.team.on_root(lambda: light_of(data, run.device.real, run.say))

    def block(self, block, info):
        """(k, row, column) counts -> the same, real"""
        t = self.light.transmission(block)
        return -np.log(t) if self.log else t

    def finish(self, run):
        """How many values were no numbers. Errors: DataError where none was one."""
        counts = np.array([(0, 0), *self.light.lost], np.int64).sum(0)
        run.team.sum(counts)
        run.team.on_root(lambda: tell_lost(*counts.tolist(), run.warn))


def tell_lost(lost: int, values: int, warn) -> None:
    """A warning of values that are no numbers. Errors: DataError where all are."""
    if lost and lost == values:
        raise DataError(f"tomo.flat: none of the {values} values of the projections is a number")
    if lost:
        warn(
            f"tomo.flat: {lost} of {values} values of the projections are no numbers (NaN or infinite); "
            "they are taken as rays through air, and leave lines in the slices"
        )


def light_of(data, real, say) -> Light:
    """From the images beside the data. Errors: DataError."""
    flat, dark = (mean_image(images_of(data, name)) for name in WORDS)
    light = Light.of(flat, dark, real)
    dead, pixels = len(light.dead), flat.size
    if dead > MOST_DEAD * pixels:
        raise DataError(
            f"tomo.flat: the flat images are not brighter than the dark ones in {dead} of {pixels} pixels; "
            "are they exchanged, or was the shutter closed?"
        )
    if dead:
        say(f"tomo.flat: {dead} of {pixels} pixels see no beam; filled from the others of their row")
    return light


def images_of(data, name: str):
    """The source of the images `name` beside the data. Errors: DataError."""
    if name in data.beside:
        return data.beside[name]
    raise DataError(
        f"tomo.flat needs {name} images ({WORDS[name]}), and the input has none; where the frames are line "
        "integrals already, leave tomo.flat out"
    )


def mean_image(images) -> np.ndarray:
    """(rows, columns) float64: the mean of a source of images, a few of them in memory at a time."""
    n, total = images.shape[0], 0
    for i in range(0, n, 16):
        total = total + images.read(np.arange(i, min(i + 16, n))).sum(0, dtype=np.float64)
    return total / n
