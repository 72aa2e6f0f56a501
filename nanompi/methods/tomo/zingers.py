"""Single pixels of single images that a stray photon has made bright get the median of their neighbours.

Compared are values without dark and beam, as far as these are known: gains of pixels are not zingers.
"""

import numpy as np

from nanompi.methods.tomo.flats import image_of
from nanompi.step import param, step

SIGMA = 1.4826  # standard deviation of normal values, of the median of their size
MANY = 0.001  # of the values; more are hardly zingers


@step("tomo.zingers", each="frame")
class Zingers:
    r"""Replaces pixels far above their neighbours, in images as they were measured: before tomo.flat.

    .. math::

        y \leftarrow \mathrm{median}(y) \quad \text{where} \quad y - \mathrm{median}(y) > t \, \sigma(y)

    The median goes over `size` x `size` pixels, t is `above`, sigma the noise of the image.

    Unit: as its input.

    Source: no paper.

    Example::

        - {use: tomo.zingers, above: 6}
        - tomo
    """

    size: int = param(
        3, ge=3, le=15, unit="px", help="side of the square whose median a pixel is compared with"
    )
    above: float = param(
        8.0, gt=1, help="how far above it, in the noise of the image, which grows as the root of the counts"
    )

    def idle(self, data) -> bool:
        """Nothing is done to what is no counts."""
        return data.unit not in ("", "counts")

    def start(self, run, data):
        """What pixels show without a sample, the same on all ranks."""
        self.seen = []
        self.dark, self.gain = run.team.on_root(lambda: of_pixels(data))

    def block(self, block, info):
        """(k, row, column) counts -> the same, in their dtype"""
        out = block.copy()
        for one in out:
            where, instead = zingers((one - self.dark) / self.gain, self.dark, self.size, self.above)
            one[where] = (instead * self.gain + self.dark)[where]
            if not info.again:
                self.seen.append((len(where[0]), one.size))
        return out

    def finish(self, run):
        """How many there were; a warning of many."""
        counts = np.array([(0, 0), *self.seen], np.int64).sum(0)
        run.team.sum(counts)
        replaced, values = counts.tolist()
        own = {"replaced": replaced, "share": replaced / max(values, 1)}
        run.result.notes.setdefault("tomo", {})["zingers"] = own
        text = f"tomo.zingers: {replaced} of {values} values ({own['share']:.2g}) were replaced"
        many = own["share"] > MANY
        (run.warn if many else run.say)(f"{text}; so many are no zingers: raise `above`" if many else text)


def of_pixels(data) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) float32 each: dark and gain of the pixels, as far as flats and darks are there."""
    shape = data.size("row"), data.size("column")
    dark = image_of(data.beside["dark"], "mean") if "dark" in data.beside else np.zeros(shape)
    beam = image_of(data.beside["flat"], "mean") - dark if "flat" in data.beside else np.ones(shape)
    lit = beam > 0
    gain = np.where(lit, beam, 1) / (beam[lit].mean() if lit.any() else 1)
    return dark.astype(np.float32), gain.astype(np.float32)


def zingers(image: np.ndarray, dark: np.ndarray, size: int, above: float) -> tuple[tuple, np.ndarray]:
    """(where, the image of medians) of one image.

    The noise of a value is s sqrt(median + dark + 1), with s by the median of all deviations in this unit.
    """
    from scipy.ndimage import median_filter

    middle = median_filter(image, size)
    root = np.sqrt(np.maximum(middle + dark, 0) + 1)
    off = (image - middle) / root
    where = np.nonzero(off > above * SIGMA * np.median(abs(off)) + 1 / root)  # one count more is no zinger
    return where, middle
