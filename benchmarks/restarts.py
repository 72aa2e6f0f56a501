"""Stop a job of 60 iterations on 2 ranks at random moments, resume it, compare with an undisturbed run.

    python benchmarks/restarts.py [--moments 20] [--seed 1] [--change]

Each moment is a random time within the iterations and one of USR1, TERM, INT to mpiexec or kill -9 to one
random rank. A job is stopped again with probability 1/2 while it resumes. `--change`: in double precision,
resumed on 3 ranks, then on 2 again ... and compared to 1e-9; else to the bit.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
from harness import ONE_THREAD, options, report
from scans import NANOMPI, ptycho, simulated, write_job

from nanompi.mpi.mpiexec import environment, mpiexec

WAYS = ("USR1", "TERM", "INT", "KILL")
NAMES = ("object/data", "probe/data", "history/error", "history/R", "history/iteration")
BEGUN = "sub-pixel shift"  # the line of the log before the first iteration


def begin(ranks: int, *words) -> subprocess.Popen:
    """nanompi on so many ranks."""
    command = [mpiexec(), "-n", str(ranks), *NANOMPI, *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env={**environment(), **ONE_THREAD}, **pipes)


def iterating(process) -> bool:
    """Wait until the iterations have begun; False when the process ended before."""
    return any(BEGUN in line for line in process.stdout)


def strike(process, how: str, rng) -> int:
    """Send the signal; the exit code."""
    if how != "KILL":
        process.send_signal(getattr(signal, f"SIG{how}"))
    elif ranks := ranks_below(process.pid):  # else it was faster
        os.kill(rng.choice(ranks), signal.SIGKILL)
    process.stdout.read()
    return process.wait(60)


def ranks_below(pid: int) -> list[int]:
    """Process numbers of the ranks of an mpiexec: Python below it, and not below Python."""
    ranks, below = [], [pid]
    while below:
        tasks = list(Path(f"/proc/{below.pop()}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
        python = {c: "python" in Path(f"/proc/{c}/cmdline").read_text().split("\0")[0] for c in children}
        ranks += [child for child in children if python[child]]
        below += [child for child in children if not python[child]]
    return ranks


def arrays(folder: Path) -> dict[str, np.ndarray]:
    """What the run gave."""
    with h5py.File(folder / "x" / "latest" / "result.h5") as f:
        return {name: f["entry_1"][name][()] for name in NAMES}


def difference(a: dict, b: dict) -> float:
    """Largest relative difference; 0 = the same bits."""
    if any(a[n].shape != b[n].shape for n in NAMES):
        return float("inf")
    if all(np.array_equal(a[n], b[n], equal_nan=True) for n in NAMES):
        return 0.0
    return max(float(np.nanmax(abs(a[n] - b[n])) / np.nanmax(abs(a[n]))) for n in NAMES)


def disturbed(folder: Path, job: Path, rng, change: bool) -> str:
    """One job, stopped until it is done; what happened to it."""
    story, ranks, words = [], 2, ["run", job, "--out", folder]
    while True:
        process = begin(ranks, *words)
        if not iterating(process):
            raise SystemExit(f"the job did not begin: {words}")
        if story and rng.random() < 0.5:
            process.stdout.read()
            if process.wait(60):
                raise SystemExit(f"the job ended with {process.returncode} after {story}")
            return " ".join(story)
        how = rng.choice(WAYS)
        time.sleep(rng.uniform(0.2, 3.5))
        story.append(f"{how}:{strike(process, how, rng)}")
        if (folder / "x" / "latest" / "result.h5").exists():  # it was faster than the signal
            return " ".join(story)
        ranks = 5 - ranks if change else ranks
        words = ["resume", folder / "x"]


def moments(given, top: Path):
    """A row for each job that was disturbed."""
    rng, job, limit = random.Random(given.seed), top / "x.yaml", 1e-9 if given.change else 0.0
    run = {"checkpoint": "0.3s", "precision": "double" if given.change else "single"}
    write_job(job, simulated(1000, 64), ptycho("DM*30 ML*30"), **run)
    whole = begin(2, "run", job, "--out", top / "whole")
    whole.stdout.read()
    assert whole.wait() == 0
    for moment in range(given.moments):
        story = disturbed(top / str(moment), job, rng, given.change)
        error = difference(arrays(top / "whole"), arrays(top / str(moment)))
        yield {"moment": moment + 1, "same": error <= limit, "difference": error, "what happened": story}


if __name__ == "__main__":
    given = options(__doc__, moments=20, seed=1, change=False)
    with tempfile.TemporaryDirectory() as folder:
        rows = report(given, moments(given, Path(folder)))
    sys.exit(not all(row["same"] for row in rows))
