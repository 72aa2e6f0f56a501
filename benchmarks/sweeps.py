"""A sweep in one allocation against as many separate runs: time and memory.

    python benchmarks/sweeps.py [-n 2] [--settings 12] [--frames 1000] [--side 512] [--json FILE]

Writes a gzip-compressed scan whose loading takes longer than its few iterations, then runs the settings once
by `nanompi run` one after the other and once by `nanompi sweep`, all with the same number of ranks in one
group. Memory is that of the largest process, as the kernel counts it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

JOB = """
nanompi: 1
name: bench
input:
  file: scan.h5
  paths: {{frames: /frames, x: /x, y: /y}}
  energy: 8 keV
  distance: 2 m
  pixel: 55 um
steps:
  - use: ptycho.prepare
    size: 128
  - use: ptycho
    probe: {{start: aperture, aperture: 100 um, focal: 100 mm, defocus: 2 mm}}
    engines: [{{dm: 2, alpha: {alpha}}}]
run: {{threads: 1, split: stripes}}
"""


def write_scan(path: Path, frames: int, side: int):
    """A simulated scan as generic HDF5, frames in gzip."""
    import h5py

    from nanompi.methods.ptycho.read import Input
    from nanompi.methods.ptycho.read.simulate import Simulate, Simulation

    scan = Simulate(simulate=Simulation(frames=frames, size=side)).open("", Input())
    with h5py.File(path, "w") as f:
        f["x"], f["y"] = scan.positions[:, 1], scan.positions[:, 0]
        packed = {"compression": "gzip", "compression_opts": 4, "chunks": (1, side, side)}
        data = f.create_dataset("frames", scan.source.shape, np.uint16, **packed)
        for i in range(0, frames, 50):
            data[i : i + 50] = scan.source.read(np.arange(i, min(i + 50, frames)))


def measured(*words) -> tuple[float, float]:
    """(seconds, bytes of its largest process) of a nanompi command."""
    begun = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "nanompi", *map(str, words)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"nanompi {words} ended with {child.returncode}")
    return time.perf_counter() - begun, usage.ru_maxrss * 1024


def phases(result: Path) -> dict[str, float]:
    """Seconds per phase of rank 0 of a run."""
    import h5py

    with h5py.File(result) as f:
        return json.loads(f["entry_1/process_1/run/data"][()])["ranks"][0]["seconds"]


def main(given):
    folder = Path(tempfile.mkdtemp(prefix="nanompi-sweeps-", dir=given.folder))
    os.chdir(folder)
    alphas = np.linspace(0.5, 1, given.settings).round(4).tolist()
    write_scan(folder / "scan.h5", given.frames, given.side)
    (folder / "one.yaml").write_text(JOB.format(alpha=1.0))
    (folder / "sweep.yaml").write_text(JOB.format(alpha=f"{{sweep: {alphas}}}"))
    measured("run", "-n", given.n, "one.yaml")  # kernels are compiled, the file is in the cache
    alone = []
    for alpha in alphas:
        (folder / "one.yaml").write_text(JOB.format(alpha=alpha))
        alone.append(measured("run", "-n", given.n, "one.yaml"))
    together = measured("sweep", "-n", given.n, "--groups", 1, "sweep.yaml")
    run = phases(folder / "runs/bench/latest/result.h5")
    apart, peak = sum(t for t, _ in alone), max(m for _, m in alone)
    found = {
        "ranks": given.n,
        "settings": given.settings,
        "frames": [given.frames, given.side, given.side],
        "separate_s": round(apart, 2),
        "sweep_s": round(together[0], 2),
        "time_ratio": round(together[0] / apart, 3),
        "run_MB": round(peak / 1e6),
        "sweep_MB": round(together[1] / 1e6),
        "memory_ratio": round(together[1] / peak, 3),
        "phases_of_one_run": {k: round(v, 3) for k, v in run.items()},
        "file_MB": round((folder / "scan.h5").stat().st_size / 1e6),
    }
    print("\n".join(f"{k:<18} {v}" for k, v in found.items()))
    if given.json:
        Path(given.json).write_text(json.dumps(found, indent=1))
    shutil.rmtree(folder)


if __name__ == "__main__":
    args = argparse.ArgumentParser(usage=__doc__)
    args.add_argument("-n", type=int, default=2)
    args.add_argument("--settings", type=int, default=12)
    args.add_argument("--frames", type=int, default=1000)
    args.add_argument("--side", type=int, default=512)
    args.add_argument("--folder", default="/tmp")
    args.add_argument("--json", default="")
    main(args.parse_args())
