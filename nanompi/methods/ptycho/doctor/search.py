"""The order in which geometries are tried, and what is concluded from their outcomes.

First the orientation of the frames, of which the far field tells four classes (a class is an orientation and
its twin); the next frames before and behind; then distance and rotation along lines through the best. The
candidates of a round are shared out over the ranks and each is tried by one rank alone; all ranks know all
outcomes. So the answer does not depend on the number of ranks.

One geometry is ahead of another where the frames that were left out, compared one by one, are met better by
more than 3 error bars and by more than 5 %. Else it cannot be told which is right.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nanompi.methods.ptycho.doctor.candidate import Candidate
from nanompi.methods.ptycho.doctor.trial import Outcome, tried
from nanompi.methods.ptycho.subset import Subset

BARS, PART = 3.0, 1.05  # by so many error bars and so much one is ahead of another
GOOD, BEYOND = 1.25, 2.0  # `held` of a geometry that is not doubted; a lead by such a factor ends a round
CLASSES, ALL = (0, 1, 4, 5), tuple(range(8))  # in the near field no two orientations look alike
FAR, ANGLES = (0.8, 0.87, 0.93, 1.0, 1.07, 1.15, 1.25), (-6.0, -3.0, 0.0, 3.0, 6.0)
FARTHER = 3  # more steps where the best is the last one


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
class Estimate:
    """Where along a line the unseen frames are met best: value, its error bar (of the frames), candidate"""

    value: float
    error: float
    best: Candidate


@dataclass
class Search:
    """All that has been tried.

    run    : team and clock; some : frames of `points` and of their neighbours; near : is it a near field?
    P      : (h, w) probe from which all begin, or None: each has its own, from the data
    known  : {candidate: outcome}, equal on all ranks, in the order in which they were tried
    """

    run: Any
    some: Subset
    points: np.ndarray
    P: np.ndarray | None = None
    known: dict[Candidate, Outcome] = field(default_factory=dict)

    @property
    def near(self) -> bool:
        """Is it a near field?"""
        return self.some.geometry.focus is not None

    def outcomes(self, candidates) -> list[Outcome]:
        """Of these, tried where they have not been yet (collective)."""
        new = [c for c in dict.fromkeys(candidates) if c not in self.known]
        team, own = self.run.team, {}
        for c in new[team.rank :: team.size]:
            own[c] = tried(c.view(self.some, self.points), self.P)
            self.run.clock.tick()
        all_of_them = {c: o for part in team.allgather(own) for c, o in part.items()}
        self.known |= {c: all_of_them[c] for c in new}
        return [self.known[c] for c in candidates]

    def order(self, candidates=()) -> list[Candidate]:
        """Those tried, or these of them, the best first."""
        return sorted(candidates or self.known, key=lambda c: (_rank(self.known[c]), c))

    def first_two(self, candidates) -> tuple[Candidate, Lead]:
        """The best, and its lead over the next."""
        self.outcomes(candidates)
        best, *rest = self.order(dict.fromkeys(candidates))
        return best, min((lead(self.known[best], self.known[c]) for c in rest), key=lambda one: one.size)

    def orientation(self) -> tuple[Candidate, Lead]:
        """The best class and lag, and its lead over the next one."""
        turns = ALL if self.near else CLASSES
        best, by = self.first_two([Candidate(t) for t in turns])
        shifted = [replace(best, lag=lag) for lag in (-1, 1)]
        if not (by.clear and (self.known[best].held < GOOD or by.size > math.log(BEYOND))):
            shifted = [Candidate(t, lag) for lag in (-1, 1) for t in turns]
        best, by = self.first_two([*self.known, *shifted])
        return self.first_two([*self.known, *(Candidate(t, best.lag) for t in turns)])

    def along(self, values, candidate: Callable[[float], Candidate], scale: Callable = float) -> Estimate:
        """The best of some values, refined by a parabola through the mean log of the deviances.

        values : rising; candidate : of a value; scale : what the parabola is even in (math.log of a factor)
        """
        values = list(values)
        self.outcomes([candidate(v) for v in values])
        for _ in range(FARTHER):
            k = int(np.argmin(self._means(values, candidate)))
            if 0 < k < len(values) - 1:
                break
            values = _one_more(values, k)
            self.outcomes([candidate(v) for v in values])
        line = Line(self, values, candidate, scale)
        return line.refined()

    def _means(self, values, candidate):
        return [_rank(self.known[candidate(v)]) for v in values]

    def far(self, base: Candidate) -> Estimate:
        """The distance as a factor, all else as in `base`."""
        return self.along(FAR, lambda v: replace(base, far=v), math.log)

    def angle(self, base: Candidate) -> Estimate:
        """The rotation of the positions in degrees, all else as in `base`."""
        return self.along(ANGLES, lambda v: replace(base, angle=v))


@dataclass
class Line:
    """Values along a line through the geometries, with their outcomes."""

    search: Search
    values: list[float]
    candidate: Callable[[float], Candidate]
    scale: Callable

    def refined(self) -> Estimate:
        """Two more values about the lowest point of the parabola, and then its error bar frame by frame."""
        x = np.array([self.scale(v) for v in self.values])
        first, width = self._lowest(x, self._logs())
        back = math.exp if self.scale is math.log else float
        more = [round(back(first + part * width), 4) for part in (-0.4, 0.4)]
        self.search.outcomes([self.candidate(v) for v in more])
        self.values = sorted({*self.values, *more})
        x, logs = np.array([self.scale(v) for v in self.values]), self._logs()
        low, _ = self._lowest(x, logs)
        n = len(logs)
        each = np.array([self._lowest(x, np.delete(logs, j, 0))[0] for j in range(n)])
        scatter = (n - 1) / n * ((each - each.mean()) ** 2).sum()  # jackknife
        error = math.hypot(
            math.sqrt(scatter), (low - first) / 2
        )  # and what the curve, no parabola, leaves open
        value = back(low)
        best = self.search.order([self.candidate(v) for v in self.values])[0]
        return Estimate(value, error * (value if self.scale is math.log else 1), best)

    def _logs(self) -> np.ndarray:
        """(u, values)"""
        return np.array([self.search.known[self.candidate(v)].logs for v in self.values]).T

    def _lowest(self, x, logs) -> tuple[float, float]:
        """Lowest point of the parabola through the values about the least one, and their distance"""
        y = np.minimum(logs.mean(0), 1e3)
        k = int(np.clip(np.argmin(y), 1, len(x) - 2))
        width = max(x[k + 1] - x[k], x[k] - x[k - 1])
        near = np.abs(x - x[np.argmin(y)]) <= 1.3 * width
        near[k - 1 : k + 2] = True
        a, b, _ = np.polyfit(x[near] - x[k], y[near], 2)
        low = x[k] - b / (2 * a) if a > 0 else x[np.argmin(y)]
        return float(np.clip(low, x[near].min(), x[near].max())), float(width)


def _rank(outcome: Outcome) -> float:
    """Mean log of the deviance, finite"""
    return min(1e6, float(outcome.logs.mean()))


def _one_more(values, k: int) -> list[float]:
    """One more value at the end where the best is, in the step before it"""
    if k == 0:
        return [round(2 * values[0] - values[1], 4), *values]
    return [*values, round(2 * values[-1] - values[-2], 4)]
