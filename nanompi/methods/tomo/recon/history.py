"""How the residual of iterations went, over all slices: for the log, and for a warning where it is of use."""

import numpy as np

FALLING = 0.03  # of the residual, in the last tenth of the iterations: it still falls
RISING = 1.02  # times the least residual


class History:
    """Squares of what the slices do not explain, before each iteration, of what was measured."""

    def __init__(self, iterations: int):
        self.rest, self.all = np.zeros(iterations), np.zeros(iterations)

    def add(self, iteration: int, rest: float, measured: float):
        """Squares of a part of the rays: not explained, and measured."""
        self.rest[iteration] += rest
        self.all[iteration] += measured

    def notes(self, team) -> dict:
        """{"said", "residual": [of the projections, before each iteration], "warning"}; collective."""
        team.sum(self.rest, self.all)
        used = self.all > 0
        residual = np.sqrt(self.rest[used] / self.all[used])
        if not len(residual):
            return {}
        said = f"{len(residual)} iterations; of the projections {residual[-1]:.3g} is not explained"
        own = {"said": said, "residual": residual.tolist()}
        return own | ({"warning": warning} if (warning := _judged(residual)) else {})


def _judged(residual: np.ndarray) -> str:
    if len(residual) < 3 or not residual.max():
        return ""
    last, before, least = residual[-1], residual[-1 - max(1, len(residual) // 10)], residual.min()
    if last > RISING * least:
        at = int(residual.argmin())
        return (
            f"the residual rises again: {last:.3g}, and {least:.3g} after {at} of {len(residual)} iterations"
        )
    if before - last > FALLING * last:
        fall = 100 * (before - last) / before
        return (
            f"the residual still falls, by {fall:.2g} % in the last tenth: more iterations change the slices"
        )
    return ""
