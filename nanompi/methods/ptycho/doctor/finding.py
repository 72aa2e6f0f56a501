"""What the trials say of the geometry of a job."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nanompi.methods.ptycho.beam import window
from nanompi.methods.ptycho.doctor.candidate import TWIN, Candidate
from nanompi.methods.ptycho.doctor.search import Estimate, Lead, Search, lead
from nanompi.methods.ptycho.doctor.trial import Outcome
from nanompi.methods.ptycho.scan import Scan
from nanompi.methods.ptycho.subset import WHOLE, nearest_to_middle, taken
from nanompi.optics.geometry import Geometry

FRAMES, FEWEST = 100, 30  # frames that are tried, and without which nothing is
SURE = 0.1  # of the correlation of phase and log amplitude: below, the image and its twin look alike
EXPLAINS = 0.5  # of the excess of `held` over 1, what another distance or rotation may leave
PIXELS = 1e6  # of all frames that are tried: larger ones are fewer
BEST, OTHER, UNCLEAR = "best", "other", "unclear"


@dataclass
class Finding:
    """What is known of the geometry after all trials; equal on all ranks.

    best, by  : orientation and lag that meet unseen frames best, and its lead over the next
    over_job  : its lead over the geometry of the job
    far, angle: factor of the distance (near field: of the focus) and rotation that meet them best
    far_off, angle_off : does the best of them beat that of the job beyond doubt?
    outcome   : of the geometry that is taken in the end; known : of all; sign : of its object
    """

    best: Candidate
    by: Lead
    over_job: Lead
    far: Estimate
    angle: Estimate
    far_off: bool
    angle_off: bool
    outcome: Outcome
    known: dict[Candidate, Outcome]
    near: bool
    frames: int
    about: "Job" = field(repr=False, default=None)

    @property
    def sign(self) -> float:
        """Correlation of phase and log of the amplitude"""
        return self.outcome.sign

    @property
    def twin(self) -> bool:
        """Is the image the complex conjugate of what matter can be? Not told in the near field, nor where
        another geometry will change the image."""
        return not self.near and not self.bent and self.sign < -SURE

    @property
    def bent(self) -> bool:
        """Is the distance another one, or are the positions turned?"""
        return self.far_off or self.angle_off

    @property
    def state(self) -> str:
        """best: the geometry of the job is the best of all tried; other: another one is better, beyond doubt;
        unclear: neither"""
        if self.over_job.clear or self.bent:
            return OTHER
        own = not self.best.turn and not self.best.lag
        return BEST if own and self.by.clear else UNCLEAR

    @property
    def turn(self) -> int:
        """Orientation to add to that of the job, with its twin if the sign asks for it; 0 where the trials
        do not tell"""
        sure = self.by.clear
        return (self.best.turn if sure else 0) ^ (TWIN if self.twin and (sure or not self.best.turn) else 0)


@dataclass
class Job:
    """What the job says now: orientation of the frames, distance or focus in m, energy in J, frames by which
    they are late, degrees by which it turns the positions."""

    orientation: int
    far: float
    energy: float
    lag: int = 0
    rotate: float = 0.0


def examine(run, geometry: Geometry, about: Job) -> Finding | None:
    """Try the neighbours of the geometry of a run with frames, on all ranks (collective); None for too few
    frames.

    run : with team, device, clock, and data: "data" (positions) and "frames" (prepared)
    """
    some, points = middle_frames(run, geometry)
    if len(run.data["data"].positions) < FEWEST:
        return None
    coarse = Search(run, some, points)
    best, by = coarse.orientation()
    fine = Search(run, some, points, None if coarse.near else coarse.known[best].P)
    far = fine.far(best)
    angle = fine.angle(replace(best, far=far.best.far))
    if angle.best.angle and _off(fine, angle.best, replace(angle.best, angle=0.0)):
        far = fine.far(replace(best, angle=angle.best.angle))
    end = replace(best, far=far.best.far, angle=angle.best.angle)
    fine.outcomes([end])
    far_off = _off(fine, end, replace(end, far=1.0)) and abs(far.value - 1) > 3 * far.error
    angle_off = _off(fine, end, replace(end, angle=0.0)) and abs(angle.value) > 3 * angle.error
    over_job = lead(coarse.known[best], coarse.known[Candidate()])
    known = coarse.known | {c: o for c, o in fine.known.items() if c not in coarse.known}
    return Finding(best, by, over_job, far, angle, far_off, angle_off, fine.known[end], known, coarse.near,
                   len(points), about)  # fmt: skip


def _off(search: Search, one: Candidate, usual: Candidate) -> bool:
    """Is one ahead of what is usual, beyond doubt, and explains most of what that leaves? A distance that
    takes away a little stands for something else."""
    first, second = search.outcomes([one, usual])
    return lead(first, second).clear and first.held - 1 < EXPLAINS * (second.held - 1)


def middle_frames(run, geometry: Geometry):
    """(frames about the middle and their neighbours in time as a Subset, (k,) indices of the former), cut to
    where the light is in the far field (collective)."""
    positions = run.data["data"].positions
    n = len(positions)
    order = nearest_to_middle(positions, n)
    order = order[(order > 0) & (order < n - 1)]  # each has a frame before it and one behind
    cut = WHOLE if geometry.focus is not None else window(np.sqrt(mean_of(run, order[:FRAMES])), LIGHT)
    pixels = np.prod(run.data["frames"].mask[cut].shape)
    points = order[: int(min(FRAMES, max(FEWEST, PIXELS // pixels)))]
    every = np.unique(np.concatenate([points - 1, points, points + 1]))
    return taken(run, geometry, every, cut), points


LIGHT = 0.98  # of the counts in the window: what is farther out changes no rank


def mean_of(run, chosen: np.ndarray) -> np.ndarray:
    """(h, w) mean of some frames, whichever rank holds them; 0 where masked (collective)"""
    frames = run.data["frames"]
    own = np.isin(frames.index, chosen)
    total = np.maximum(frames.counts[own], 0).sum(0, dtype=np.float64) * frames.mask
    run.team.sum(total)
    return total / len(chosen)


def about(scan: Scan, orientation: int) -> Job:
    """What a job says, for the words."""
    far = scan.distance if scan.focus is None else scan.focus
    return Job(orientation, far, scan.facts.get("energy", 0.0), scan.lag, float(np.rad2deg(scan.rotate)))


def figures(found: Finding) -> dict[str, Any]:
    """Numbers for a result."""
    own = found.known[Candidate()]
    return {
        "held": own.held, "held_error": own.error, "best_held": found.known[found.best].held,
        "lead": found.by.size, "lead_error": found.by.error, "turn": found.turn, "lag": found.best.lag,
        "distance_factor": found.far.value, "distance_error": found.far.error, "rotation": found.angle.value,
        "rotation_error": found.angle.error, "sign": found.sign,
    }  # fmt: skip
