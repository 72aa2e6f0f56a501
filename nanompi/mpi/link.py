"""The network between the ranks: how long a sum or an exchange of so many bytes takes."""

from dataclasses import dataclass

import numpy as np

ADDS = 4e9  # bytes/s at which a core adds up what has come


@dataclass(frozen=True)
class Link:
    """The network as one rank sees it: bytes/s each way, seconds of a message."""

    rate: float = 10e9
    latency: float = 5e-6

    def allreduce(self, nbytes: float, ranks: int) -> float:
        """Seconds of an Allreduce of so many bytes."""
        if ranks == 1:
            return 0.0
        part = (ranks - 1) / ranks * nbytes
        return 2 * np.ceil(np.log2(ranks)) * self.latency + 2 * part / self.rate + part / ADDS

    def exchange(self, nbytes: float, neighbours: int) -> float:
        """Seconds in which a rank sends and takes so many bytes, in all, from its neighbours."""
        return neighbours * self.latency + nbytes / self.rate + nbytes / ADDS
