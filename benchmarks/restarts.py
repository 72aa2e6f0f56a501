"""Stop a job of 60 iterations on 2 ranks at random moments, resume it, compare with an undisturbed run.

    python benchmarks/restarts.py [--moments 20] [--seed 1] [--folder DIR] [--change]

Each moment is a random time within the iterations and one of USR1, TERM, INT to mpiexec or kill -9 to one
random rank. A job is stopped again with probability 1/2 while it resumes. `--change`: in double precision,
resumed on 3 ranks, then on 2 again ... and compared to 1e-9.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np

from nanompi.mpi.mpiexec import environment, mpiexec

JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 100, size: 64, photons: 1e5}}
steps:
  - use: ptycho
    probe: {start: aperture, aperture: 60 um, focal: 100 mm, defocus: 1 mm}
    engines: DM*30 ML*30
run: {split: stripes, device: cpu, checkpoint: 0.3s, PRECISION}
"""
PROGRAM = Path(__file__).parents[1] / "tests" / "mpi" / "restart_program.py"
WAYS = ("USR1", "TERM", "INT", "KILL")
NAMES = ("object/data", "probe/data", "history/error", "history/R", "history/iteration")


def begin(n: int, *argv) -> subprocess.Popen:
    """nanompi on n ranks, each iteration 50 ms longer."""
    threads = {"OMP_NUM_THREADS": "1", "SLOW": "0.05", "PYTHONPATH": str(PROGRAM.parents[2])}
    command = [mpiexec(), "-n", str(n), sys.executable, str(PROGRAM), "--", *map(str, argv)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env={**environment(), **threads}, **pipes)


def iterating(process) -> bool:
    """Wait until the iterations have begun; False when the process ended before."""
    return any("sub-pixel shift" in line for line in process.stdout)


def strike(process, how: str, rng) -> int:
    """Do what the moment says; the exit code."""
    if how == "KILL":
        ranks = ranks_of(process.pid)
        if ranks:  # else it was faster
            os.kill(rng.choice(ranks), signal.SIGKILL)
    else:
        process.send_signal(getattr(signal, f"SIG{how}"))
    process.stdout.read()
    return process.wait(60)


def ranks_of(pid: int) -> list[int]:
    """Process numbers of the ranks below an mpiexec."""
    below, found = [pid], []
    while below:
        children = [int(c) for t in Path(f"/proc/{below.pop()}/task").iterdir() for c in children_of(t)]
        found += [c for c in children if b"restart_program" in Path(f"/proc/{c}/cmdline").read_bytes()]
        below += children
    return [p for p in found if b"mpiexec" not in Path(f"/proc/{p}/cmdline").read_bytes().split(b"\0")[0]
            and b"hydra" not in Path(f"/proc/{p}/cmdline").read_bytes().split(b"\0")[0]]  # fmt: skip


def children_of(task: Path) -> list[str]:
    return (task / "children").read_text().split()


def arrays(folder: Path) -> dict[str, np.ndarray]:
    """What the run found."""
    with h5py.File(folder / "x" / "latest" / "result.h5") as f:
        return {name: f["entry_1"][name][()] for name in NAMES}


def difference(a: dict, b: dict) -> float:
    """Largest relative difference; 0 = the same bits."""
    if any(a[n].shape != b[n].shape for n in NAMES):
        return float("inf")
    same = all(np.array_equal(a[n], b[n], equal_nan=True) for n in NAMES)
    return 0.0 if same else max(float(np.nanmax(abs(a[n] - b[n])) / np.nanmax(abs(a[n]))) for n in NAMES)


def disturbed(folder: Path, job: Path, rng, change: bool) -> str:
    """One job, stopped until it is done; what happened to it."""
    story, ranks, argv = [], 2, ["run", job, "--out", folder]
    while True:
        process = begin(ranks, *argv)
        if not iterating(process):
            raise SystemExit(f"the job did not begin: {argv}")
        if story and rng.random() < 0.5:
            process.stdout.read()
            if process.wait(60):
                raise SystemExit(f"the job ended with {process.returncode} after {story}")
            return " ".join(story)
        how = rng.choice(WAYS)
        time.sleep(rng.uniform(0.2, 3.5))
        code = strike(process, how, rng)
        story.append(f"{how}:{code}")
        if code == 0 or (folder / "x" / "latest" / "result.h5").exists():  # it was faster than the signal
            return " ".join(story)
        ranks = 5 - ranks if change else ranks
        argv = ["resume", folder / "x"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", default="restart-benchmark")
    parser.add_argument("--change", action="store_true")
    args = parser.parse_args()
    top, rng, good = Path(args.folder).absolute(), random.Random(args.seed), 0
    top.mkdir(parents=True)
    job = top / "job.yaml"
    job.write_text(JOB.replace("PRECISION", "precision: double" if args.change else "precision: single"))
    whole = begin(2, "run", job, "--out", top / "whole")
    whole.stdout.read()
    assert whole.wait() == 0
    want, limit = arrays(top / "whole"), 1e-9 if args.change else 0.0
    for moment in range(args.moments):
        story = disturbed(top / str(moment), job, rng, args.change)
        error = difference(want, arrays(top / str(moment)))
        good += error <= limit
        told = "same" if error <= limit else "DIFFERENT"
        print(f"{moment + 1:3d}  {told}  {error:.1e}  {story}", flush=True)
    print(f"{good} of {args.moments} end as the undisturbed run")
    shutil.rmtree(top)
    return good != args.moments


if __name__ == "__main__":
    sys.exit(main())
