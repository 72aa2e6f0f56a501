"""The geometry doctor: is the scan as the job says?

Orientation of the frames (the four classes that the far field tells, and by the sign of the image their
twins), frames that are late or early by one, distance (or energy, or steps of the motors), rotation of the
positions, axes of different scales: each is tried on about a hundred frames about the middle of the scan, and
judged by frames left out.
"""

from dataclasses import dataclass, field

from nanompi.methods.ptycho.doctor.finding import UNCLEAR, about, examine, figures
from nanompi.methods.ptycho.doctor.search import Limit
from nanompi.methods.ptycho.doctor.words import paste, words
from nanompi.run.switches import GEOMETRY, on

SECONDS, PART = 20.0, 0.05  # in a run: so long, or so much of its time


@dataclass
class Contrast:
    """How the geometry of a run stands among its neighbours.

    state   : "best" of all tried; "other": another one is better, beyond doubt; "unclear"
    words   : for the log; paste : line for the job file, "" = none
    whole   : was all tried? What is left when the time is over may be the cause
    """

    state: str
    words: str
    paste: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    whole: bool = True


def contrast(run, p, geometry) -> Contrast | None:
    """Of a run with its frames, for its verdict (collective; equal on all ranks). It takes at most SECONDS of
    computing, or PART of what the run has taken, whichever is more. None where the environment turns it off.
    """
    if not run.team.on_root(lambda: on(GEOMETRY)):
        return None
    scan, frames = run.data["data"], run.data["frames"]
    limit = Limit(max(SECONDS, PART * run.team.max(run.clock.elapsed())))
    found = examine(run, geometry, about(scan, frames.preparation.get("orientation", 0)), limit)
    if found is None:
        return Contrast(UNCLEAR, words(found))
    lines, whole = "\n".join(paste(found)), not limit.stopped
    return Contrast(found.state, words(found), lines, figures(found), whole)


__all__ = ["Contrast", "contrast"]
