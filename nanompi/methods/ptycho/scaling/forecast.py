"""What the step `ptycho` says of a job before it runs, for `nanompi plan` and `nanompi bench`."""

import os

from nanompi.methods.ptycho.scaling import predict
from nanompi.methods.ptycho.scaling.advise import report
from nanompi.methods.ptycho.scaling.calibrate import calibrate
from nanompi.methods.ptycho.scaling.foresee import foresee
from nanompi.methods.ptycho.scaling.look import look
from nanompi.methods.ptycho.scaling.memory import memory
from nanompi.mpi.link import Link


class Forecast:
    """A job on this machine, with so many threads for each rank. Some frames are tried when it is made.

    Errors: JobError, DataError.
    """

    def __init__(self, job, threads: int = 1):
        self.seen, self.threads = look(job), threads
        self.sizes, self.cost = self.seen.sizes, calibrate(self.seen, threads)

    def total(self, ranks: int, link: Link) -> tuple[float, int]:
        """(seconds of the job, bytes of the rank that has most)."""
        sizes = self.sizes
        most = max(len(part) for part in sizes.parts(ranks))
        parts = memory(sizes, most, self.threads, self.cost.libraries, sizes.held(ranks))
        return foresee(sizes, self.cost, ranks, link, sizes.way(ranks)).total, sum(parts.values())

    def report(self, ranks: int, link: Link, gpu=None, per_card: int = 1, within=None) -> str:
        """Memory, bytes on the wire, time and efficiency. gpu : bytes of a card, or None; within : s

        Errors: ResourceError where a card is too small for one frame.
        """
        return report(self.seen, self.cost, ranks, link, self.threads, gpu, per_card, within)

    def compared(self, books: list[dict], ranks: list[int], frames: list[int], link: Link) -> dict:
        """Predicted against measured iterations; and scans of so many frames on so many ranks.

        books : metrics of runs, the first on one rank
        Returns {"text", "checks", "curves": {scan: {way to combine: {ranks: (PEFF, bytes sent)}}}}
        """
        cost = predict.measured(books[0], self.sizes, self.cost)
        checks = predict.check(books, self.sizes, cost, link, self.threads)
        grown = {f"{n} frames": self.sizes.grown(n) for n in frames} if ranks else {}
        curves = {name: predict.iterations(sizes, cost, ranks, link) for name, sizes in grown.items()}
        text = "\n".join(["", _head(), "", *map(_line, checks)])
        if curves:
            text += f"\n\nPredicted with {link.rate / 1e9:g} GB/s, {1e6 * link.latency:g} us:\n\n"
            text += predict.table(curves)
        return {"text": text, "checks": checks, "curves": curves}


def _head() -> str:
    return f"Predicted iterations against measured ones, on {len(os.sched_getaffinity(0))} cores:"


def _line(check: dict) -> str:
    return (
        f"* {check['ranks']} ranks: sent in the iterations {check['bytes']} B, predicted "
        f"{check['predicted_bytes']} B; {check['seconds']:.2f} s, predicted "
        f"{check['predicted_seconds']:.2f} s (factor {check['factor']:.2f})"
    )
