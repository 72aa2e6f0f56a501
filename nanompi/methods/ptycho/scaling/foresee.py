"""Predicts the seconds of a job on N ranks, and its parallel efficiency PEFF_p = T_1 / (p T_p)."""

from dataclasses import dataclass

from nanompi.methods.ptycho.scaling import wire
from nanompi.methods.ptycho.scaling.calibrate import Cost
from nanompi.mpi.link import Link

WRITTEN = 12e6  # object pixels that rank 0 brings into the result and the pictures in a second


@dataclass
class Foreseen:
    """One number of ranks: seconds of each phase, as the slowest rank has them.

    iterations : seconds of all iterations, with their sums; bytes : of the rank that sends most, in one
    """

    ranks: int
    seconds: dict[str, float]
    iterations: float
    bytes: int

    @property
    def total(self) -> float:
        """Seconds of the whole job."""
        return sum(self.seconds.values())


def foresee(
    sizes, cost: Cost, ranks: int, link: Link, combine: str = "allreduce", every: int = 10
) -> Foreseen:
    """The job on so many ranks, each as fast as the one that was calibrated.

    every : figures of quality each so many iterations. Errors: DataError for more ranks than frames.
    """
    most = max(len(part) for part in sizes.parts(ranks))
    held = sizes.held(ranks, combine)
    iterate = {n: cost.frame[n] * most + cost.pixel[n] * held for n, *_ in sizes.engines}
    sums = {n: wire.seconds(sizes, n, ranks, link, combine) for n, *_ in sizes.engines}
    seconds = {
        "ready": cost.ready,
        "split": cost.split,
        "load": cost.load * most,
        "start": cost.start(ranks),
        "iterate": sum(iterate[n] * times for n, times, _ in sizes.engines),
        "combine": sum(sums[n] * times for n, times, _ in sizes.engines),
        "quality": cost.quality * most * sum(-(-times // every) for _, times, _ in sizes.engines),
        "write": sizes.pixels / WRITTEN,
    }
    seconds["halves"] = sizes.more * sum(seconds[name] for name in ("iterate", "combine", "quality"))
    return Foreseen(ranks, seconds, seconds["iterate"] + seconds["combine"], sent(sizes, ranks, combine))


def sent(sizes, ranks: int, combine: str) -> int:
    """Bytes in one iteration of the engine that sends most, from the rank that sends most."""
    if combine == "allreduce":
        return max((wire.allreduce_bytes(sizes, n, ranks) for n, *_ in sizes.engines), default=0)
    return max((int(wire.overlap_bytes(sizes, n, ranks).max()) for n, *_ in sizes.engines), default=0)
