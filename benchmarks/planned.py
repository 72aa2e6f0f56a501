"""Memory that `nanompi plan` predicts against the measured peak of a rank, on three jobs.

python benchmarks/planned.py [--quick]      (about 1 GB of memory; --quick: half the frames)
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import cost, options, report

# name, frames, size, modes, engines, ranks
JOBS = [
    ("DM, one mode", 4000, 128, 1, "DM*2", 1),
    ("ML, one mode, two ranks", 1600, 256, 1, "ML*2", 2),
    ("DM and ML, three modes", 500, 256, 3, "DM*1 ML*1", 1),
]
JOB = """
nanompi: 1
name: planned
input: {{simulate: {{frames: {frames}, size: {size}, photons: 1e5}}}}
steps:
  - use: ptycho
    engines: {engines}
    probe: {{start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm, modes: {modes}}}
run: {{threads: 1, checkpoint: 0, device: cpu, split: stripes}}
"""
NANOMPI = [sys.executable, "-m", "nanompi"]


def predicted(folder: Path, ranks: int) -> float:
    """MB of a rank that the plan says."""
    command = [*NANOMPI, "plan", "job.yaml", "--ranks", str(ranks)]
    text = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    number, unit = re.search(r"frames each, ([\d.]+) (\w)B of memory per rank", text).groups()
    return float(number) * {"k": 1e-3, "M": 1, "G": 1e3}[unit]


def measured(folder: Path, ranks: int) -> float:
    """MB that a rank of a run has held at most."""
    cost([*NANOMPI, "run", "-n", ranks, "job.yaml"], folder)
    figures = json.loads((folder / "runs" / "planned" / "latest" / "metrics.json").read_text())
    return max(rank["peak_memory"] for rank in figures["ranks"]) / 1e6


def compared(quick: bool):
    """A row for each job."""
    for name, frames, size, modes, engines, ranks in JOBS:
        with TemporaryDirectory() as folder:
            frames = frames // 2 if quick else frames
            job = JOB.format(frames=frames, size=size, modes=modes, engines=engines)
            Path(folder, "job.yaml").write_text(job)
            plan, peak = predicted(Path(folder), ranks), measured(Path(folder), ranks)
        yield {"job": name, "ranks": ranks, "predicted, MB": plan, "peak, MB": peak, "ratio": plan / peak}


if __name__ == "__main__":
    given = options(__doc__, quick=False)
    report(given, compared(given.quick))
