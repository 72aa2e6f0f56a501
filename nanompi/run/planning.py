"""What the plans of all methods share: numbers of ranks, and rows of seconds for each of them."""

import numpy as np


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
