"""Do neighbouring frames overlap enough? The step between frames against the width of the probe."""

from dataclasses import dataclass

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.ptycho.left_out import shown
from nanompi.units import show

HARDLY = 0.25  # overlap below which frames hardly tell anything about each other
LITTLE = 0.4
GUESS = "; of a wrong guess that tells nothing: the verdict at the end tests whether the steps are too wide"


@dataclass
class Overlap:
    """step : m, median distance from a frame to its nearest neighbour; width : m, of the probe.

    away : (frames,) m, from each frame to its nearest neighbour
    """

    step: float
    width: float
    away: np.ndarray

    @property
    def part(self) -> float:
        """The part of the probe that the next frame sees too; 0 and below: nothing."""
        return 1 - self.step / self.width if self.width else -np.inf

    def __str__(self):
        return f"steps of {show(self.step, 'm')}, probe of {show(self.width, 'm')}"


def overlap(P, places, pixel) -> Overlap:
    """P : (modes, h, w) complex; places : at least two frames; pixel : (2,) m of the object"""
    from scipy.spatial import cKDTree

    at = places.corners * pixel  # distances in metres: pixels need not be square
    away = cKDTree(at).query(at, k=2)[0][:, 1]
    return Overlap(float(np.median(away)), float(np.sqrt(np.prod(diameter(P) * pixel))), away)


def diameter(P) -> np.ndarray:
    """(row, column) full width in pixels of the region that holds the probe: 4 times the rms radius per
    axis"""
    weight = (np.abs(P) ** 2).sum(0)
    out = []
    for axis in (0, 1):
        along = weight.sum(1 - axis)
        x = np.arange(len(along))
        centre = np.average(x, weights=along)
        out.append(4 * np.sqrt(np.average((x - centre) ** 2, weights=along)))
    return np.array(out)


def check_overlap(P, places, pixel, guessed: bool, say, numbers=None):
    """Says the overlap; warns where it is little, and of frames that no other one overlaps.

    Of a probe that is a guess nothing is blamed: where the geometry is wrong, the guess is too narrow.
    guessed : the probe was found from the data; numbers : those of the frames in the file, else 0, 1, 2, ...
    Errors: DataError when the frames do not overlap at all.
    """
    if len(places.corners) < 2:
        return
    found = overlap(P, places, pixel)
    if found.part <= 0:
        raise DataError(f"the frames do not overlap: {found}. {_causes(guessed)}")
    said = f"overlap: {100 * found.part:.0f} % ({found}{', as guessed from the data' if guessed else ''})"
    if found.part < LITTLE:
        said += GUESS if guessed else f", which is little: expect artefacts. {_causes(guessed)}"
    say(said)
    _odd_ones(found, say, np.arange(len(found.away)) if numbers is None else np.asarray(numbers))


def _odd_ones(found: Overlap, say, numbers):
    """Says which frames stand alone, and which stand where another one does when most do not."""
    alone, twice = found.away > found.width, found.away == 0
    if alone.any():
        say(
            f"warning: frames without overlap, the nearest one {show(found.away[alone].min(), 'm')} away: "
            f"{shown(numbers[alone])}. Are their positions right? `select: {{without: [...]}}` in the input "
            "section leaves them out"
        )
    if 0 < twice.mean() < 0.5:
        say(f"note: frames at the very place of another one: {shown(numbers[twice])}; did the motor move?")


def _causes(guessed: bool) -> str:
    if guessed:
        return (
            "The probe is a guess from the mean frame: hot or overbright pixels, a background, frames stored "
            "the other way round or wrong positions spoil it as well, so that the overlap itself need not be "
            "the cause; a known probe (`probe: {start: aperture, ...}`) would tell"
        )
    return (
        "Either the steps are as wide as that, or the unit of the positions, energy, distance or detector "
        "pixel is wrong, or the probe that was given is another scan's"
    )
