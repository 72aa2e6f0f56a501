"""The order in which geometries are tried, and what is concluded from their outcomes.

First the orientation of the frames, of which the far field tells four classes (a class is an orientation and
its twin); the next frames before and behind; then distance, rotation and stretch along lines through the
best. The candidates of a round are shared out over the ranks and each is tried by one rank alone; all ranks
know all outcomes. So the answer does not depend on the number of ranks.

One geometry is ahead of another where the frames that were left out, compared one by one, are met better by
more than 3 error bars and by more than 5 %. Else it cannot be told which is right.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nanompi.methods.ptycho.doctor.candidate import Candidate
from nanompi.methods.ptycho.doctor.line import Estimate, refined
from nanompi.methods.ptycho.doctor.trial import Outcome, tried
from nanompi.methods.ptycho.subset import Subset

BARS, PART = 3.0, 1.05  # by so many error bars and so much one is ahead of another
GOOD, BEYOND = 1.25, 2.0  # `held` of a geometry that is not doubted; a lead by such a factor ends a round
CLASSES, ALL = (0, 1, 4, 5), tuple(range(8))  # in the near field no two orientations look alike
FAR, ANGLES = (0.8, 0.87, 0.93, 1.0, 1.07, 1.15, 1.25), (-6.0, -3.0, 0.0, 3.0, 6.0)
STRETCHES, SOME = (-0.08, -0.04, 0.0, 0.04, 0.08), (-0.04, 0.04)
BESIDE = (-0.03, 0.0, 0.03)  # what is known already
NEAR = (0.93, 1.0, 1.07)  # about what is known already
FARTHER = 3  # more steps where the best is the last one
LAGS = (-1, 1)


def clocks() -> np.ndarray:
    """(2,) seconds: of the clock, and of the processors in this process"""
    return np.array([time.perf_counter(), time.process_time()])


@dataclass
class Limit:
    """Seconds of computing in which trials may begin, by the slowest rank; inf = no limit.

    On processors that others use as well less is computed in a second: what a verdict says must not depend on
    that. So the seconds are those of the processor, but no more than the clock's, which several threads would
    reach. Where a card computes and the processor waits, the number of trials bounds them.

    now, longest : seconds that had passed when all ranks last met, and of the longest round until then: the
        same numbers on all ranks, so that all stop after the same trial
    stopped : something was not tried for want of time
    """

    seconds: float = math.inf
    begun: np.ndarray = field(default_factory=clocks, compare=False)
    now: float = 0.0
    longest: float = 0.0
    stopped: bool = False

    @property
    def passed(self) -> float:
        """Seconds of computing, of this rank"""
        return float((clocks() - self.begun).min())

    def met(self, passed: float) -> None:
        """After each round. passed : the most of all ranks"""
        self.longest, self.now = max(self.longest, passed - self.now), passed

    def over(self) -> bool:
        """Is there no time for one more round?"""
        self.stopped = self.stopped or self.now + self.longest > self.seconds
        return self.stopped


@dataclass
class Lead:
    """By how much one geometry is ahead of another: mean log of the ratio of deviances, and its error bar"""

    size: float
    error: float

    @property
    def clear(self) -> bool:
        """Is it beyond doubt?"""
        return self.size > math.log(PART) and self.size > BARS * self.error


def lead(one: Outcome, other: Outcome) -> Lead:
    """of `one` over `other`, frame by frame"""
    if not np.isfinite(other.held):
        return Lead(np.inf if np.isfinite(one.held) else 0.0, 0.0)
    if not np.isfinite(one.held):
        return Lead(-np.inf, 0.0)
    n = min(len(one.logs), len(other.logs))
    off = other.logs[:n] - one.logs[:n]
    return Lead(float(off.mean()), float(off.std(ddof=1) / math.sqrt(n)))


@dataclass
class Search:
    """All that has been tried.

    run    : team and clock; some : frames of `points` and of those by `lags` before and behind
    lags   : numbers of frames by which they may be late; limit : of the time
    P      : (h, w) probe from which all begin, or None: each has its own, from the data
    known  : {candidate: outcome}, equal on all ranks, in the order in which they were tried
    """

    run: Any
    some: Subset
    points: np.ndarray
    lags: tuple[int, ...] = LAGS
    P: np.ndarray | None = None
    limit: Limit = field(default_factory=Limit)
    known: dict[Candidate, Outcome] = field(default_factory=dict)

    @property
    def near(self) -> bool:
        """Is it a near field?"""
        return self.some.geometry.focus is not None

    def attempt(self, candidates) -> None:
        """These, where they have not been yet, in their order, each rank one at a time; those for which there
        is no time stay unknown (collective)."""
        new, team = [c for c in dict.fromkeys(candidates) if c not in self.known], self.run.team
        for k in range(0, len(new), team.size):
            if self.limit.over():
                return
            each = new[k : k + team.size]
            own = [tried(c.view(self.some, self.points), self.P) for c in each[team.rank : team.rank + 1]]
            self.run.clock.tick()
            all_of_them, passed = zip(*team.allgather((own, self.limit.passed)))
            self.known |= dict(zip(each, (o for part in all_of_them for o in part), strict=True))
            self.limit.met(max(passed))

    def order(self, candidates=()) -> list[Candidate]:
        """Those tried, or these of them, the best first."""
        return sorted(candidates or self.known, key=lambda c: (_rank(self.known[c]), c))

    def first_two(self, candidates) -> tuple[Candidate, Lead]:
        """The best, and its lead over the next; no clear one where no other was tried."""
        self.attempt(candidates)
        best, *rest = self.order(c for c in dict.fromkeys(candidates) if c in self.known)
        leads = [lead(self.known[best], self.known[c]) for c in rest]
        return best, min(leads, key=lambda one: one.size, default=Lead(0.0, math.inf))

    def orientation(self) -> tuple[Candidate, Lead]:
        """The best class and lag, and its lead over the next one. The job's own is tried first of all."""
        turns = ALL if self.near else CLASSES
        best, by = self.first_two([Candidate(t) for t in turns])
        shifted = [replace(best, lag=lag) for lag in self.lags]
        if not (by.clear and (self.known[best].held < GOOD or by.size > math.log(BEYOND))):
            shifted = [Candidate(t, lag) for lag in self.lags for t in turns]
        best, by = self.first_two([*self.known, *shifted])
        return self.first_two([*self.known, *(Candidate(t, best.lag) for t in turns)])

    def along(self, values, candidate: Callable[[float], Candidate], scale: Callable = float) -> Estimate:
        """The best of some values, refined by parabolas through the mean log of the deviances.

        values : rising, the usual one in the middle; candidate : of a value; scale : what the parabola is
            even in (math.log of a factor)
        """
        values, usual = list(values), values[len(values) // 2]
        self.attempt([candidate(v) for v in sorted(values, key=lambda v: abs(scale(v) - scale(usual)))])
        for _ in range(FARTHER):
            if self.limit.stopped:
                break
            k = int(np.argmin([_rank(self.known[candidate(v)]) for v in values]))
            if 0 < k < len(values) - 1:
                break
            values = _one_more(values, k)
            self.attempt([candidate(v) for v in values])
        estimate = None if self.limit.stopped else refined(self, values, candidate, scale)
        return estimate or Estimate(usual, math.inf, candidate(usual))

    def far(self, base: Candidate, about: float = 1.0) -> Estimate:
        """The distance as a factor, all else as in `base`. about : where it is, unless nothing is known"""
        values = FAR if about == 1 else [round(about * step, 4) for step in NEAR]
        return self.along(values, lambda v: replace(base, far=v), math.log)

    def angle(self, base: Candidate) -> Estimate:
        """The rotation of the positions in degrees, all else as in `base`."""
        return self.along(ANGLES, lambda v: replace(base, angle=v))

    def stretch(self, base: Candidate, about: float = 0.0) -> Estimate:
        """How much farther rows lie apart than columns, all else as in `base`. about : as for `far`"""
        values = [round(about + step, 4) for step in BESIDE] if about else STRETCHES
        return self.along(values, lambda v: replace(base, stretch=v))


def _rank(outcome: Outcome) -> float:
    """Mean log of the deviance, finite"""
    return min(1e6, float(outcome.logs.mean()))


def _one_more(values, k: int) -> list[float]:
    """One more value at the end where the best is, in the step before it"""
    if k == 0:
        return [round(2 * values[0] - values[1], 4), *values]
    return [*values, round(2 * values[-1] - values[-2], 4)]
