"""How the residual of iterations went, over all slices: for the log, and for a warning where it is of use."""

import numpy as np

FALLING = 0.03  # of the residual, in the last tenth of the iterations: it still falls
RISING = 1.02  # times the least residual
STOP = 1.02  # times the noise of the projections: what is left of them then is noise


class History:
    """Squares of what the slices do not explain, before each iteration, of what was measured.

    iterations : so many at most; given : by the user, who wants no other number
    """

    def __init__(self, given: int | None, usual: int):
        self.iterations, self.given = given or usual, given is not None
        self.rest, self.all = np.zeros(self.iterations), np.zeros(1)
        self.done = np.zeros(2)  # iterations of all slices together, and slices

    def enough(self, sigma: np.ndarray, rays: int) -> np.ndarray:
        """(k,) squares that are noise, where iterations end of themselves: more would fit it (the principle
        of discrepancy). sigma : (k,) noise of a value; rays : values of a slice"""
        return (STOP * sigma) ** 2 * rays * (not self.given)

    def add(self, rest: list, measured: np.ndarray, iterations: int):
        """rest : before each iteration done, (k,) squares of slices, of which those that have ended keep
        theirs; measured : (k,) squares of all their values; iterations : of all these slices together"""
        each = np.maximum(np.array(rest), 0)
        self.rest[: len(each)] += each.sum(1)
        self.rest[len(each) :] += each[-1].sum()
        self.all += measured.sum()
        self.done += iterations, len(measured)

    def tallies(self) -> dict[str, np.ndarray]:
        """What is added up over slices, in place."""
        return {"rest": self.rest, "all": self.all, "done": self.done}

    def notes(self, team) -> dict:
        """{"said", "residual": [of the projections, before each iteration], "warning"}; collective."""
        team.sum(self.rest, self.all, self.done)
        if not self.all[0]:
            return {}
        residual = np.sqrt(self.rest / self.all)
        mean = float(self.done[0] / self.done[1])
        few = "" if mean == self.iterations else ", where what is left is noise"
        said = f"{mean:.4g} iterations{few}; of the projections {residual[-1]:.3g} is not explained"
        own = {"said": said, "iterations": mean, "residual": residual.tolist()}
        return own | ({"warning": warning} if (warning := _judged(residual)) and not few else {})


def _judged(residual: np.ndarray) -> str:
    if len(residual) < 3 or not residual.max():
        return ""
    last, before, least = residual[-1], residual[-1 - max(1, len(residual) // 10)], residual.min()
    if last > RISING * least:
        after = f"{least:.3g} after {int(residual.argmin())} of {len(residual)} iterations"
        return f"the residual rises again: {last:.3g}, and {after}"
    if before - last > FALLING * last:
        fall, more = 100 * (before - last) / before, "more iterations change the slices"
        return f"the residual still falls, by {fall:.2g} % in the last tenth: {more}"
    return ""
