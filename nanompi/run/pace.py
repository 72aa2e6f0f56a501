"""How often ranks look at one another, where work comes in small blocks."""

import time


class Pace:
    """After how many blocks the ranks look at one another: so many as take some time, the same on all."""

    def __init__(self):
        self.blocks, self.every, self.began = 0, 1, time.monotonic()

    def due(self, team, aim: float) -> bool:
        """Is this the block? (collective; each rank calls it equally often)

        aim : seconds between two such blocks, on the slowest rank
        """
        self.blocks += 1
        if self.blocks < self.every:
            return False
        now = time.monotonic()
        slowest = team.max(max(now - self.began, 1e-6))
        self.every = max(1, min(2 * self.every, int(self.every * aim / slowest)))
        self.blocks, self.began = 0, now
        return True
