"""Probe modes, a probe that varies, and batches: phase errors of whole runs on scans with known truth.

    python benchmarks/modes.py --what modes     60/30/10 % and one mode, with one and three modes
    python benchmarks/modes.py --what walk      a beam that walks over its lens, or stays: 0, 1 and 2 shapes
    python benchmarks/modes.py --what batches   10 and 20 iterations of DM and rPIE, alone and before ML*20

All start from a flat object and the probe that the program finds; 200 frames of 64² with 1e6 counts each.
"""

import tempfile
from pathlib import Path

import h5py
import numpy as np
from harness import options, report
from scans import run_here, write_job
from scenes import draw, make, write
from verdict import error

MIXED = (0.6, 0.3, 0.1)
GIVEN = {"n": 64, "frames": 200, "photons": 1e6, "step": 0.1, "phase": 1.0, "subpixel": False, "near": False}
GIVEN |= {"fluctuation": 0.0, "background": 0.0}


def outcome(input, engines: str, **probe) -> dict:
    """Phase error, figure of unseen frames and powers of the modes of a run. input : scene, or of the job"""
    with tempfile.TemporaryDirectory() as out:
        job = Path(out) / "modes.yaml"
        if not isinstance(input, dict):
            write(input, job.parent / "scan.cxi")
            input = {"file": str(job.parent / "scan.cxi")}
        write_job(job, input, {"use": "ptycho", "engines": engines, "probe": probe})
        code, folder = run_here(job)
        if code:
            return {"phase": np.nan, "held": np.nan, "powers": f"exit code {code}"}
        with h5py.File(folder / "result.h5") as f:
            power, held = f["entry_1/probe/power"][()], f["entry_1/history/held"][()]
        powers = ", ".join(f"{p:.3f}" for p in power / power.sum())
        return {"phase": error(folder), "held": held[np.isfinite(held)][-1], "powers": powers}


def modes(seed: int):
    """A row for each scan and number of modes."""
    for true, numbers in ((MIXED, (1, 3)), ((1.0,), (1, 3))):
        scene = make(draw(seed, modes=true, **GIVEN))
        for n in numbers:
            yield {"seed": seed, "true": str(true), "modes": n, **outcome(scene, "DM*40 ML*80", modes=n)}


def walk(seed: int):
    """A row for each walk and number of shapes."""
    for far in (0.0, 0.15):
        simulate = {"frames": 200, "size": 64, "photons": 1e6, "walk": far, "seed": seed}
        for n in (0, 1, 2):
            yield {"seed": seed, "walk": far, "shapes": n,
                   **outcome({"simulate": simulate}, "DM*40 ML*80", varies=n)}  # fmt: skip


def batches(seed: int):
    """A row for each engine."""
    scene = make(draw(seed, **GIVEN))
    for engine in ("DM", "rPIE"):
        for n in (10, 20):
            for then in ("", " ML*20"):
                yield {
                    "seed": seed,
                    "engines": f"{engine}*{n}{then}",
                    **outcome(scene, f"{engine}*{n}{then}"),
                }


if __name__ == "__main__":
    given = options(__doc__, what=("modes", "walk", "batches"), first=51, scans=3)
    work = {"modes": modes, "walk": walk, "batches": batches}[given.what]
    report(given, (row for k in range(given.scans) for row in work(given.first + k)))
