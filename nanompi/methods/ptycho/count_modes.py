"""How many modes the probe has: as few as foretell unseen frames as well as any number does.

A hundred frames about the middle of the scan are reconstructed with one mode, with two and with three, each
by one rank alone; some frames are left out and judge it. More modes always meet the frames better that they
see; of frames that nobody saw they must explain more than one standard error of the differences, frame by
frame, else the smaller number is taken.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.heldout import standard_error
from nanompi.methods.ptycho.modes import extra_modes
from nanompi.methods.ptycho.quality import per_frame
from nanompi.methods.ptycho.subset import apart, subset

FRAMES, OUT, MOST = 100, 12, 3
FINE = 4  # parts of a pixel to which positions are rounded, where they are not whole
DIFFERENCE_MAP, LIKELIHOOD = 20, 40  # iterations


@dataclass
class Counted:
    """modes : how many; held : {modes: deviance of unseen frames over its expectation}, {} where the noise is
    not that of counts; error : of the difference between the best and what is taken, in the same unit, 0
    where that is the best"""

    modes: int
    held: dict[int, float]
    error: float

    def words(self) -> str:
        """For the log."""
        if not self.held:
            return "probe modes: 1; the frames show no counting noise, by which more could be told"
        tried = ", ".join(f"{n}: {held:.3f}" for n, held in self.held.items())
        best = min(self.held, key=self.held.get)
        ahead = f"; {best} is ahead by less than its error of {self.error:.3f}" if best != self.modes else ""
        return f"probe modes: {self.modes}, by frames that were not seen ({tried}{ahead})"


def count_modes(run, p, P: np.ndarray, geometry) -> Counted:
    """The number of modes that the frames ask for, up to MOST; the same on all ranks (collective).

    p : the whole problem; P : (1, h, w) complex, its start probe
    """
    some = subset(run, geometry, FRAMES)
    out, fine = (
        apart(some.positions, min(OUT, len(some.positions) // 4)),
        FINE if len(p.places.rests) > 1 else 1,
    )
    own = {n: tried(some, out, fine, P, n) for n in range(1, MOST + 1) if n % run.team.size == run.team.rank}
    return fewest({n: both for part in run.team.allgather(own) for n, both in part.items()})


def tried(some, out, fine: int, P: np.ndarray, modes: int) -> np.ndarray:
    """(2, frames) deviance of the frames left out, and what counting noise alone would give, by this rank."""
    seen, unseen = some.problems(out, fine)
    seen.P = seen.device.array(extra_modes(P, modes), seen.device.complex)
    for engine in (DM(iterations=DIFFERENCE_MAP), ML(iterations=LIKELIHOOD)):
        engine.start(seen)
        for i in range(engine.iterations):
            engine.iterate(seen, i)
    unseen.P = seen.P
    return np.array(per_frame(unseen))


def fewest(tried: dict[int, np.ndarray]) -> Counted:
    """The smallest number that is not behind the best by more than a standard error of the paired
    differences. tried : {modes: (2, frames) deviance and expectation}"""
    tried = dict(sorted(tried.items()))
    held = {n: float(deviance.sum() / expected.sum()) for n, (deviance, expected) in tried.items()}
    best = min(held, key=held.get)
    for n, (deviance, expected) in tried.items():
        behind = deviance - tried[best][0]
        error = standard_error(behind) if n != best else 0.0
        if behind.mean() <= error:
            return Counted(n, held, error / float(expected.mean()))
    raise AssertionError("the best is not behind itself")
