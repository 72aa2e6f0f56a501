"""What the plans of all methods share: numbers of ranks, and rows of seconds for each of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nanompi.units import show

MOST = 64  # ranks up to which seconds are listed


@dataclass
class Row:
    """Seconds of a job on a number of ranks."""

    ranks: int
    total: float


def doubling(most: int, frames: int) -> list[int]:
    """1, 2, 4 ... up to `most`, and `most` itself, where there are frames for them."""
    powers = 2 ** np.arange(int(np.log2(max(1, most))) + 1)
    return sorted({int(p) for p in [*powers, most] if p <= frames})


def efficiency(rows: list, part: str = "total") -> list[float]:
    """PEFF of each row against the first, which has one rank. part : total or iterations"""
    first = getattr(rows[0], part)
    return [first / (row.ranks * getattr(row, part)) if getattr(row, part) else 1.0 for row in rows]


def smallest(rows: list, seconds: float):
    """The row with the fewest ranks that ends within a time, or None."""
    return next((row for row in rows if row.total <= seconds), None)


def resident() -> int:
    """Bytes of memory that this process has now."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def advice(seconds: Callable[[int], float], ranks: int, items: int, within: float | None) -> list[str]:
    """A table of seconds over numbers of ranks, and which of these end within a time (s).

    seconds : of a job on so many ranks; ranks : the planned number; items : what the ranks share
    """
    rows = [Row(n, seconds(n)) for n in doubling(max(ranks, MOST), items)]
    table = [f"{row.ranks:5d} {row.total:10.1f} {eff:6.2f}{'  <- planned' * (row.ranks == ranks)}"
             for row, eff in zip(rows, efficiency(rows))]  # fmt: skip
    lines = ["ranks    seconds   PEFF", *table]
    if within:
        best = smallest(rows, within)
        lines.append(f"{best.ranks} ranks end within {within:.0f} s: {best.total:.0f} s" if best else
                     f"no number of ranks ends within {within:.0f} s")  # fmt: skip
    return lines


def compared(books: list[dict], memory: Callable[[int], int], seconds: Callable[[int], float]) -> dict:
    """Predicted against measured, of runs by their metrics: {"text", "checks", "curves"}.

    memory, seconds : predicted of so many ranks: bytes of a rank, s
    """
    checks = []
    for book in books:
        n = len(book["ranks"])
        peak = max(rank["peak_memory"] for rank in book["ranks"])
        checks.append({"ranks": n, "memory": peak, "predicted_memory": memory(n),
                       "seconds": book["wall"], "predicted_seconds": seconds(n)})  # fmt: skip
    lines = [f"* {c['ranks']} ranks: {show(c['memory'], 'B')} of memory per rank, predicted "
             f"{show(c['predicted_memory'], 'B')}; {c['seconds']:.2f} s, predicted "
             f"{c['predicted_seconds']:.2f} s" for c in checks]  # fmt: skip
    text = "\n".join(["", "Predicted against measured:", "", *lines])
    return {"text": text, "checks": checks, "curves": {}}
