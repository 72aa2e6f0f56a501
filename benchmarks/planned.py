"""Memory that `nanompi plan` predicts against the measured peak of a rank, on three jobs.

usage: python benchmarks/planned.py [--quick]      (about 1 GB of memory; --quick: smaller jobs)
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from nanompi.mpi.mpiexec import environment, mpiexec

# name, frames, size, modes, engines, ranks
JOBS = [
    ("DM, one mode", 4000, 128, 1, "DM*2", 1),
    ("ML, one mode, two ranks", 1600, 256, 1, "ML*2", 2),
    ("DM and ML, three modes", 500, 256, 3, "DM*1 ML*1", 1),
]


def job(folder: Path, frames: int, size: int, modes: int, engines: str) -> Path:
    """A job that computes little and holds much."""
    path = folder / f"{size}-{modes}.yaml"
    path.write_text(
        f"nanompi: 1\nname: planned\ninput: {{simulate: {{frames: {frames}, size: {size}, photons: 1e5}}}}\n"
        f"steps:\n  - use: ptycho\n    engines: {engines}\n"
        f"    probe: {{start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm, modes: {modes}}}\n"
        "run: {threads: 1, checkpoint: 0, device: cpu, split: stripes}\n"
    )
    return path


def predicted(path: Path, ranks: int) -> float:
    """Bytes that the plan says."""
    command = [sys.executable, "-m", "nanompi", "plan", str(path), "--ranks", str(ranks)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    number, unit = re.search(r"frames each, ([\d.]+) (\w)B of memory per rank", text).groups()
    return float(number) * {"k": 1e3, "M": 1e6, "G": 1e9}[unit]


def peak(path: Path, ranks: int, folder: Path) -> int:
    """The largest memory of a rank that a run has had."""
    command = [
        mpiexec(),
        "-n",
        str(ranks),
        sys.executable,
        "-m",
        "nanompi",
        "run",
        "--folder",
        str(folder),
        str(path),
    ]
    subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=True)
    book = json.loads((folder / "metrics.json").read_text())
    return max(r["peak_memory"] for r in book["ranks"])


def compare(folder: Path, quick: bool) -> list[dict]:
    """A row for each job."""
    rows = []
    for k, (name, frames, size, modes, engines, ranks) in enumerate(JOBS):
        path = job(folder, frames // 2 if quick else frames, size, modes, engines)
        plan, real = predicted(path, ranks), peak(path, ranks, folder / f"run-{k}")
        rows.append({"job": name, "ranks": ranks, "predicted": plan, "measured": real, "ratio": plan / real})
    return rows


def main():
    """The table."""
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--quick", action="store_true", help="half the frames")
    with tempfile.TemporaryDirectory() as folder:
        rows = compare(Path(folder), ap.parse_args().quick)
    print("| job | ranks | predicted, MB per rank | measured peak, MB | ratio |\n|---|---:|---:|---:|---:|")
    for r in rows:
        sizes = " | ".join(f"{r[what] / 1e6:.0f}" for what in ("predicted", "measured"))
        print(f"| {r['job']} | {r['ranks']} | {sizes} | {r['ratio']:.2f} |")


if __name__ == "__main__":
    main()
