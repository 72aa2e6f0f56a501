"""What the trials say of the geometry of a job."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nanompi.methods.ptycho.beam import window
from nanompi.methods.ptycho.doctor.candidate import TWIN, Candidate
from nanompi.methods.ptycho.doctor.line import Estimate
from nanompi.methods.ptycho.doctor.search import BARS, GOOD, LAGS, SOME, Lead, Limit, Search, lead
from nanompi.methods.ptycho.doctor.slopes import of_no_image
from nanompi.methods.ptycho.doctor.trial import Outcome
from nanompi.methods.ptycho.scan import Scan
from nanompi.methods.ptycho.subset import WHOLE, nearest_to_middle, taken
from nanompi.optics.geometry import Geometry

FRAMES, FEWEST = 100, 30  # frames that are tried, and without which nothing is
SURE = 0.1  # of the correlation of phase and log amplitude: below, the image and its twin look alike
EXPLAINS = 0.5  # of the excess of `held` over 1, what another distance or rotation may leave
LIGHT = 0.98  # of the counts in the window: what is farther out changes no rank
PIXELS = 1e6  # of all frames that are tried: larger ones are fewer
AGAIN, REMEMBERED = 2, 0.03  # times that a distance is sought again, if it has moved by such a part
MOST = 0.7  # part of the way that a probe may hold a distance back, at most
HELD = 0.1  # part of the way to the distance, by which its probe may hold it back if there is no time for it
BENT, STILL = 0.25, 0.005  # of a stretch, that its first search may be off; what it may be off by at last
NONE = Outcome(np.array([np.inf]), np.ones(1))  # of what was not tried
BEST, OTHER, UNCLEAR = "best", "other", "unclear"


@dataclass
class Finding:
    """What is known of the geometry after all trials; equal on all ranks.

    best, by  : orientation and lag that meet unseen frames best, and its lead over the next
    over_job  : its lead over the geometry of the job
    far, angle, stretch : factor of the distance (near field: of the focus), rotation, and stretch of rows
        against columns that meet them best; no stretch where nothing asks for one
    far_off, angle_off, stretch_off : does the best of them beat that of the job beyond doubt?
    outcome   : of the geometry that is taken in the end; known : of all; sign : of its object
    limit     : of the time, and whether that was over before all was tried
    slopes    : what the centres of the frames say, without an image (`of_no_image`)
    """

    best: Candidate
    by: Lead
    over_job: Lead
    far: Estimate
    angle: Estimate
    stretch: Estimate | None
    far_off: bool
    angle_off: bool
    stretch_off: bool
    outcome: Outcome
    known: dict[Candidate, Outcome]
    near: bool
    limit: Limit = field(default_factory=Limit)
    about: "Job" = field(repr=False, default=None)
    slopes: dict[int, float] = field(default_factory=dict)

    @property
    def sign(self) -> float:
        """Correlation of phase and log of the amplitude"""
        return self.outcome.sign

    @property
    def twin(self) -> bool:
        """Is the image the complex conjugate of what matter can be? Not told in the near field, nor where
        another geometry will change the image, or was not tried and may."""
        whole = not self.limit.stopped or self.outcome.held < GOOD
        return not (self.near or self.bent) and whole and self.sign < -SURE

    @property
    def bent(self) -> bool:
        """Is the distance another one, or are the positions turned or stretched?"""
        return self.far_off or self.angle_off or self.stretch_off

    @property
    def state(self) -> str:
        """best: the geometry of the job is the best of all tried; other: another one is better, beyond doubt;
        unclear: neither, or the time was over before all was tried"""
        if self.over_job.clear or self.bent:
            return OTHER
        own = not self.best.turn and not self.best.lag
        return BEST if own and self.by.clear and not self.limit.stopped else UNCLEAR

    @property
    def turn(self) -> int:
        """Orientation to add to that of the job, with its twin if the sign asks for it; 0 where the trials
        do not tell"""
        sure = self.by.clear
        return (self.best.turn if sure else 0) ^ (TWIN if self.twin and (sure or not self.best.turn) else 0)


@dataclass
class Job:
    """What the job says now: orientation of the frames, distance or focus in m, energy in J, frames by which
    they are late, degrees by which it turns the positions, and the part by which it stretches them."""

    orientation: int
    far: float
    energy: float
    lag: int = 0
    rotate: float = 0.0
    stretch: float = 0.0


def examine(run, geometry: Geometry, about: Job, limit: Limit | None = None) -> Finding | None:
    """Try the neighbours of the geometry of a run with frames, on all ranks (collective); None for too few
    frames.

    run : with team, device, clock, and data: "data" (positions) and "frames" (prepared)
    limit : of the time; what comes first tells most: the job's own geometry, orientations, lags, distances,
        rotations, a stretch of rows against columns
    """
    if len(run.data["data"].positions) < FEWEST:
        return None
    limit = limit or Limit()
    some, points, lags = middle_frames(run, geometry)
    coarse = Search(run, some, points, lags, limit=limit)
    best, by = coarse.orientation()
    fine, far = _distance(coarse, best)
    angle = fine.angle(replace(best, far=far.best.far))
    if angle.best.angle and _off(fine, angle.best, replace(angle.best, angle=0.0)):
        again = fine.far(replace(best, angle=angle.best.angle))
        far = far if math.isinf(again.error) else again
    end = replace(best, far=far.best.far, angle=angle.best.angle)
    fine.attempt([end])
    far_off = _far_off(fine, end, far)
    angle_off = _off(fine, end, replace(end, angle=0.0)) and abs(angle.value) > BARS * angle.error
    base = replace(end, far=round(far.value, 4))  # an axis that is longer is another distance, too
    stretch, stretch_off = _stretch(fine, base), False
    if stretch and lead(fine.known.get(stretch.best, NONE), fine.known.get(base, NONE)).clear:
        later, farther, stretch, stretch_off = _settled(fine, far, stretch)
        if stretch_off:
            fine, far, end = later, farther, stretch.best
            far_off = far_off or _far_off(fine, end, far)
    known = fine.known | coarse.known
    over_job = lead(known[best], known[Candidate()])
    last = known.get(end, known[best])
    off = far_off, angle_off, stretch_off
    rest = last, known, coarse.near, limit, about, of_no_image(some)
    return Finding(best, by, over_job, far, angle, stretch, *off, *rest)


def _distance(coarse: Search, best: Candidate) -> tuple[Search, Estimate]:
    """(search for what follows, distance). A probe remembers the distance it was reconstructed at, and holds
    the next one back: while that moves much, it is sought again with the probe of the best so far; where time
    is short, only if it is better than that of the job beyond doubt."""
    fine = replace(coarse, P=None if coarse.near else coarse.known[best].P, known={})
    far, at = fine.far(best), 1.0  # the distance of the probe
    for _ in range(0 if coarse.near else AGAIN):
        move = abs(math.log(far.value / at))
        if move < REMEMBERED or math.isinf(far.error):
            break
        worth = lead(fine.known[far.best], fine.known[replace(best, far=1.0)]).clear
        if not worth and fine.limit.seconds < math.inf:
            break
        later = replace(coarse, P=fine.known[far.best].P, known={})
        again = later.far(best, far.value)
        later.known = fine.known | later.known
        if math.isinf(again.error):
            return later, replace(far, error=math.hypot(far.error, HELD * move * far.value))
        back = _held_back((at, far.value), (far.best.far, again.value)) * again.value
        fine, far, at = later, replace(again, error=math.hypot(again.error, back)), far.best.far
    return fine, far


def _held_back(one: tuple[float, float], two: tuple[float, float]) -> float:
    """Relative error of the last distance by what its probe remembers: (distance of the probe, that found)
    twice. If a probe holds back a part r of the way, log found = log true + r (log probe - log true).
    """
    (probe, found), (later, last) = np.log(one), np.log(two)
    r = np.clip((last - found) / (later - probe), 0.0, MOST) if later != probe else MOST
    return float(abs(r / (1 - r) * (later - last)))


def _stretch(search: Search, base: Candidate) -> Estimate | None:
    """How much farther rows lie apart than columns, where some of it meets unseen frames better than none;
    None where not. It is tried last: where the time for it is over, all else was tried nevertheless."""
    search = _apart(search)
    some = [replace(base, stretch=v) for v in SOME]
    search.attempt([base, *some])
    if search.limit.stopped:
        return Estimate(0.0, math.inf, base)
    return None if search.order([base, *some])[0] == base else search.stretch(base)


def _apart(search: Search) -> Search:
    """The same for what may be left untried"""
    return replace(search, limit=replace(search.limit))


def _settled(search: Search, far: Estimate, stretch: Estimate) -> tuple[Search, Estimate, Estimate, bool]:
    """(search, distance, stretch, is that beyond doubt?) with probes of the best so far, which do not
    remember the scales of the job, until the stretch moves no more; where the time is over, with what it may
    be off by."""
    search = _apart(search)
    off = _off(search, stretch.best, replace(stretch.best, stretch=0.0))
    stretch = replace(stretch, error=math.hypot(stretch.error, BENT * stretch.value))
    for _ in range(0 if search.near else AGAIN):
        later = replace(search, P=search.known[stretch.best].P, known={})
        farther = later.far(replace(stretch.best, far=1.0), far.value)
        again = later.stretch(replace(farther.best, stretch=0.0), stretch.value)
        ahead = _off(later, again.best, replace(again.best, stretch=0.0))
        if later.limit.stopped:
            break
        moved = abs(again.value - stretch.value)
        later.known = search.known | later.known
        search, far, off = later, farther, ahead
        stretch = replace(again, error=math.hypot(again.error, moved / 2, STILL))
        if moved < STILL:
            break
    return search, far, stretch, off and abs(stretch.value) > BARS * stretch.error


def _far_off(search: Search, one: Candidate, far: Estimate) -> bool:
    """Is the distance another one than that of the job, beyond doubt?"""
    return _off(search, one, replace(one, far=1.0)) and abs(far.value - 1) > BARS * far.error


def _off(search: Search, one: Candidate, usual: Candidate) -> bool:
    """Is one ahead of what is usual, beyond doubt, and explains most of what that leaves? A distance that
    takes away a little stands for something else. Not where the time was over."""
    search.attempt([one, usual])
    if not {one, usual} <= search.known.keys():
        return False
    first, second = search.known[one], search.known[usual]
    return lead(first, second).clear and first.held - 1 < EXPLAINS * (second.held - 1)


def middle_frames(run, geometry: Geometry):
    """(frames about the middle and their neighbours in time as a Subset, (k,) indices of the former, lags
    that can be tried); cut to where the light is in the far field (collective)."""
    points, lags = middle_points(run.data["data"])
    cut = WHOLE if geometry.focus is not None else window(np.sqrt(mean_of(run, points)), LIGHT)
    pixels = np.prod(run.data["frames"].mask[cut].shape)
    points = points[: int(min(FRAMES, max(FEWEST, PIXELS // pixels)))]
    return taken(run, geometry, with_neighbours(points, lags), cut), points, lags


def middle_points(scan: Scan) -> tuple[np.ndarray, tuple[int, ...]]:
    """(indices of the frames about the middle, the nearest first; lags that can be tried).

    Each has the frames that were taken right before and behind it; no lag is tried where a selection has left
    few such frames.
    """
    numbers = np.arange(len(scan.positions)) if scan.numbers is None else np.asarray(scan.numbers)
    follows = np.concatenate([[False], np.diff(numbers) == 1, [False]])
    order = nearest_to_middle(scan.positions, len(numbers))
    both = order[(follows[:-1] & follows[1:])[order]]
    return (both[:FRAMES], LAGS) if len(both) >= FEWEST else (order[:FRAMES], ())


def with_neighbours(points: np.ndarray, lags: tuple[int, ...]) -> np.ndarray:
    """Rising numbers of the points and of the frames that a lag gives them"""
    return np.unique(np.concatenate([points + lag for lag in (0, *lags)]))


def mean_of(run, chosen: np.ndarray) -> np.ndarray:
    """(h, w) mean of some frames without the background, whichever rank holds them; 0 where masked
    (collective)"""
    frames = run.data["frames"]
    own = np.isin(frames.index, chosen)
    total = np.maximum(frames.counts[own], 0).sum(0, dtype=np.float64) * frames.mask
    run.team.sum(total)
    return np.maximum(total / len(chosen) - frames.background, 0) * frames.mask


def about(scan: Scan, orientation: int) -> Job:
    """What a job says, for the words."""
    far = scan.distance if scan.focus is None else scan.focus
    stage = scan.lag, float(np.rad2deg(scan.rotate)), scan.stretch
    return Job(orientation, far, scan.facts.get("energy", 0.0), *stage)


def figures(found: Finding) -> dict[str, Any]:
    """Numbers for a result; what was not told is not there."""
    own = found.known[Candidate()]
    out = {
        "held": own.held, "held_error": own.error, "best_held": found.known[found.best].held,
        "lead": found.by.size, "lead_error": found.by.error, "turn": found.turn, "lag": found.best.lag,
        "distance_factor": found.far.value, "distance_error": found.far.error, "rotation": found.angle.value,
        "rotation_error": found.angle.error, "sign": found.sign,
    }  # fmt: skip
    if found.stretch and np.isfinite(found.stretch.error):
        out |= {"stretch": found.stretch.value, "stretch_error": found.stretch.error}
    return {name: value for name, value in out.items() if np.isfinite(value)}
