"""Memory that `nanompi plan` predicts against the measured peak of a rank, on three jobs.

python benchmarks/planned.py [--quick]      (about 1 GB of memory; --quick: half the frames)
python benchmarks/planned.py --jobs jobs/xrf.yaml jobs/xanes.yaml ...       (job files, on one and two ranks)
"""

import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import options, report
from scans import NANOMPI, STRIPES, metrics, nanompi, ptycho, simulated, write_job

# name, frames, size, modes, engines, ranks
JOBS = [
    ("DM, one mode", 4000, 128, 1, "DM*2", 1),
    ("DM and ML, one mode, two ranks", 1600, 256, 1, "DM*1 ML*1", 2),
    ("DM and ML, three modes", 500, 256, 3, "DM*1 ML*1", 1),
]


def predicted(folder: Path, ranks: int) -> float:
    """MB of a rank that the plan says."""
    command = [*NANOMPI, "plan", "job.yaml", "--ranks", str(ranks)]
    text = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    number, unit = re.search(r"each, ([\d.]+) (\w)B of memory per rank", text).groups()
    return float(number) * {"k": 1e-3, "M": 1, "G": 1e3}[unit]


def measured(folder: Path, ranks: int) -> float:
    """MB that a rank of a run has held at most."""
    nanompi(folder, "run", "-n", ranks, "job.yaml")
    return max(rank["peak_memory"] for rank in metrics(folder, "job")) / 1e6


def compared(quick: bool):
    """A row for each job."""
    for name, frames, size, modes, engines, ranks in JOBS:
        with TemporaryDirectory() as folder:
            scan = simulated(frames // 2 if quick else frames, size)
            write_job(Path(folder, "job.yaml"), scan, STRIPES, ptycho(engines, "40 um", modes))
            plan, peak = predicted(Path(folder), ranks), measured(Path(folder), ranks)
        yield {"job": name, "ranks": ranks, "predicted, MB": plan, "peak, MB": peak, "ratio": plan / peak}


def of_jobs(files: list[str]):
    """A row for each job file and number of ranks."""
    for file in files:
        for ranks in (1, 2):
            with TemporaryDirectory() as folder:
                text = Path(file).read_text().replace("folder: runs", f"folder: {folder}/runs")
                Path(folder, "job.yaml").write_text(text)
                plan = predicted(Path(folder), ranks)
                nanompi(Path(folder), "run", "-n", ranks, "job.yaml")
                book = metrics(Path(folder), Path(file).stem)
            peak = max(rank["peak_memory"] for rank in book) / 1e6
            yield {"job": Path(file).stem, "ranks": ranks, "predicted, MB": plan, "peak, MB": peak,
                   "ratio": plan / peak}  # fmt: skip


if __name__ == "__main__":
    given = options(__doc__, quick=False, jobs=[])
    report(given, of_jobs(given.jobs) if given.jobs else compared(given.quick))
