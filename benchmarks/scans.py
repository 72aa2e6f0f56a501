"""Scans and jobs in files, for the benchmarks that run nanompi by its command line."""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from harness import cost

NANOMPI = [sys.executable, "-m", "nanompi"]
SCAN = {  # what `write_scan` writes
    "file": "scan.h5", "paths": {"frames": "/frames", "x": "/x", "y": "/y"}, "units": {"x": "m", "y": "m"},
    "energy": "8 keV", "distance": "2 m", "pixel": "55 um",
}  # fmt: skip


def write_scan(path: Path, frames: int, size: int, **stored):
    """A scan in generic HDF5: /frames, and a raster of /x and /y in steps of 1 um.

    Counts are many in the middle and few outside; after 50 frames they repeat. stored : as h5py takes it:
    chunks, compression ...
    """
    import h5py

    y, x = np.divmod(np.arange(frames), int(np.ceil(np.sqrt(frames))))
    r = np.hypot(*(np.indices((size, size)) - size // 2)) / size
    few = np.random.default_rng(0).poisson(300 * np.exp(-12 * r), (50, size, size)).astype(np.uint16)
    few = np.tile(few, (32, 1, 1))
    with h5py.File(path, "w") as f:
        f["x"], f["y"] = x * 1e-6, y * 1e-6
        data = f.create_dataset("frames", (frames, size, size), np.uint16, **stored)
        for i in range(0, frames, len(few)):
            data[i : i + len(few)] = few[: frames - i]


STRIPES = {"use": "ptycho.prepare", "split": "stripes"}  # a partition that takes no time to import


def simulated(frames: int, size: int) -> dict:
    """The input of a simulated scan."""
    return {"simulate": {"frames": frames, "size": size, "photons": 1e5}}


def ptycho(engines, aperture: str = "60 um", modes: int = 1) -> dict:
    """The step, with a probe from an aperture."""
    probe = {"start": "aperture", "aperture": aperture, "focal": "100 mm", "defocus": "1 mm", "modes": modes}
    return {"use": "ptycho", "probe": probe, "engines": engines}


def write_job(path: Path, input: dict, *steps: dict, **run):
    """A job file (JSON, which is YAML) named as the file; on CPUs, with one thread, without checkpoints."""
    run = {"device": "cpu", "threads": 1, "checkpoint": 0, **run}
    job = {"nanompi": 1, "name": path.stem, "input": input, "steps": steps, "run": run}
    path.write_text(json.dumps(job, indent=1))


def nanompi(folder: Path, *words, python: list = NANOMPI) -> dict[str, float]:
    """`harness.cost` of a command of nanompi in a folder."""
    return cost([*python, *words], folder)


def metrics(folder: Path, name: str) -> list[dict]:
    """Of each rank of the latest run of a job: seconds and bytes by phase, memory (`metrics.json`)."""
    return json.loads((folder / "runs" / name / "latest" / "metrics.json").read_text())["ranks"]


def run_here(job: Path, *sets: str) -> tuple[int, Path]:
    """(exit code, run folder) of a job run in this process, its log on stderr; runs go beside the job."""
    from nanompi.cli import main

    out = job.parent / "runs"
    with redirect_stdout(sys.stderr):
        code = main(["run", str(job), "--out", str(out), *(w for one in sets for w in ("--set", one))])
    return code, out / job.stem / "latest"
