"""What is left of positions that were measured wrongly, and what they cost the image: random scans
(scenes.py) through the program, from its own start, with and without `positions: true`.

    python benchmarks/positions.py [--errors 0 1 2] [--seeds 1 2 3 4 5] [--size 64]

Errors are px, rms along each axis. Phase errors (rad) and positions (px) are those of `nanompi compare`, less
an affine part, which independent errors contain by chance.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from harness import options, report
from scans import run_here, write_job
from scenes import draw, make, write

from nanompi.methods.ptycho.compare import compare


def row(seed: int, error: float, size: int) -> dict:
    """One scan."""
    scene = make(draw(seed, n=size, frames=200, photons=1e6, step=0.11, phase=1.0))
    off = np.random.default_rng([seed, 9]).normal(0, error, scene.corners.shape)
    out = {"seed": seed, "error px": error}
    with tempfile.TemporaryDirectory() as folder:
        scan = Path(folder) / "scan.cxi"
        write(replace(scene, corners=scene.corners + off), scan)
        for name, positions in (("as measured", False), ("moved", True)):
            job = Path(folder) / f"{name.replace(' ', '-')}.yaml"
            step = {"use": "ptycho", "engines": "DM*40 ML*60", "positions": positions}
            write_job(job, {"file": str(scan)}, step)
            code, result = run_here(job)
            assert code == 0, f"the run ended with {code}"
            found = compare(str(result), "truth")
            out[f"phase, {name}"] = found["phase_rmse"]
    return out | {"positions left px": found["positions_px"]}


if __name__ == "__main__":
    given = options(__doc__, errors=["0", "1", "2"], seeds=["1", "2", "3", "4", "5"], size=64)
    pairs = ((int(seed), float(error)) for seed in given.seeds for error in given.errors)
    report(given, (row(*pair, given.size) for pair in pairs))
