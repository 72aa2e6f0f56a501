"""Iterations x -> x + step(x) brought to their end in few rounds (Anderson acceleration)."""

import numpy as np

MEMORY = 5  # earlier rounds that are looked at


class Anderson:
    """From the last rounds the combination whose step would be the shortest, and that step.

    Reprojection corrects a slow drift over the angles by a small part in each round only, because the volume
    has drifted too; the earlier steps show how small that part is.
    """

    def __init__(self):
        self.points, self.steps = [], []

    def next(self, point: np.ndarray, step: np.ndarray) -> np.ndarray:
        """The point to go on from, in place of point + step."""
        self.points = [*self.points, point][-MEMORY - 1 :]
        self.steps = [*self.steps, step][-MEMORY - 1 :]
        if len(self.steps) == 1:
            return point + step
        steps = np.stack([step - before for before in self.steps[:-1]], 1)
        points = np.stack([point - before for before in self.points[:-1]], 1)
        shares = np.linalg.lstsq(steps, step, rcond=1e-6)[0]
        return point + step - (points + steps) @ shares
