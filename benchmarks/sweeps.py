"""A sweep in one allocation against as many separate runs: time and memory.

    python benchmarks/sweeps.py [--ranks 2] [--settings 12] [--frames 1000] [--size 512] [--folder /tmp]

Writes a gzip-compressed scan whose loading takes longer than its few iterations, then runs the settings by
`nanompi run` one after the other and by `nanompi sweep` in one group of as many ranks. Memory is that of the
largest process, as the kernel counts it.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from harness import options, report
from scans import SCAN, nanompi, ptycho, write_job, write_scan


def steps(alpha) -> list[dict]:
    """Few iterations of DM with a parameter."""
    return [{"use": "ptycho.prepare", "size": 128}, ptycho([{"dm": 2, "alpha": alpha}], "100 um")]


def separate(folder: Path, ranks: int, alphas: list[float]) -> dict[str, float]:
    """Seconds of all runs, bytes of the largest process."""
    costs = []
    for alpha in [1.0, *alphas]:  # the first compiles, and brings the file into the cache
        write_job(folder / "one.yaml", SCAN, *steps(alpha))
        costs.append(nanompi(folder, "run", "-n", ranks, "one.yaml"))
    return {"wall": sum(c["wall"] for c in costs[1:]), "peak": max(c["peak"] for c in costs)}


def together(folder: Path, ranks: int, alphas: list[float]) -> dict[str, float]:
    """The same of the sweep."""
    write_job(folder / "sweep.yaml", SCAN, *steps({"sweep": alphas}))
    return nanompi(folder, "sweep", "-n", ranks, "--groups", 1, "sweep.yaml")


def main():
    given = options(__doc__, ranks=2, settings=12, frames=1000, size=512, folder="/tmp")
    alphas = np.linspace(0.5, 1, given.settings).round(4).tolist()
    with TemporaryDirectory(dir=given.folder) as folder:
        stored = {"compression": "gzip", "compression_opts": 4, "chunks": (1, given.size, given.size)}
        write_scan(Path(folder, "scan.h5"), given.frames, given.size, **stored)
        runs, sweep = (way(Path(folder), given.ranks, alphas) for way in (separate, together))
    rows = [
        {"what": what, "runs": runs[key] / unit, "sweep": sweep[key] / unit, "ratio": sweep[key] / runs[key]}
        for what, key, unit in (("seconds", "wall", 1), ("largest process, MB", "peak", 1e6))
    ]
    report(given, rows, settings=given.settings, ranks=given.ranks, frames=f"{given.frames} of {given.size}²")


if __name__ == "__main__":
    main()
