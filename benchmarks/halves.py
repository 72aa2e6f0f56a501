"""Resolution by halves beside the truth: where the FRC of two halves falls below 1/7 and half a bit, and
where that of the image with the truth falls below 1/2, on random scans (scenes.py) of few and many counts.

    python benchmarks/halves.py [--counts 1e6 1e5 2e4] [--seeds 7001 7002 7003] [--set KEY=VALUE]

Half periods in pixels of the object; 1 is the pixel itself.
"""

import tempfile
from pathlib import Path

import h5py
import numpy as np
from harness import options, report
from scans import run_here, write_job
from scenes import draw, make, write

from nanompi.methods.ptycho.compare import compare


def row(seed: int, counts: float, sets: list[str]) -> dict:
    """One scan."""
    with tempfile.TemporaryDirectory() as out:
        job, step = Path(out) / "halves.yaml", {"use": "ptycho", "engines": "DM*40 ML*40", "frc": "halves"}
        write(make(draw(seed, photons=counts, frames=220)), job.parent / "scan.cxi")
        write_job(job, {"file": str(job.parent / "scan.cxi")}, step)
        code, folder = run_here(job, *sets)
        assert code == 0, f"the run ended with {code}"
        truth = compare(str(folder), "truth")
        with h5py.File(folder / "result.h5") as f:
            notes = {k: v[()] for k, v in f["entry_1/process_1/resolution"].items()}
            pixel = np.max(f["entry_1/object/pixel_size"][()])
    crossing = truth["resolution_nm"]["half"] * 1e-9 / pixel
    return {
        "seed": seed, "counts": counts, "halves of": notes["halves"].decode(), "truth 1/2": crossing,
        "1/7": float(notes["seventh"] / pixel), "to truth": float(notes["seventh"] / pixel / crossing),
        "half a bit": float(notes["half_bit"] / pixel), "phase RMSE": truth["phase_rmse"],
        "held": float(notes.get("held", np.nan)),
    }  # fmt: skip


if __name__ == "__main__":
    given = options(__doc__, counts=["1e6", "1e5", "2e4"], seeds=["7001", "7002", "7003"], set=[])
    pairs = ((int(seed), float(counts)) for seed in given.seeds for counts in given.counts)
    report(given, (row(*pair, given.set) for pair in pairs))
