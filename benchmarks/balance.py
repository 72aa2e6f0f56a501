"""Ranks of different speed: seconds per iteration of DM without and with balance, against the ideal.

    python benchmarks/balance.py [--what slow mixed real] [--repeat 3]

slow  : 2 ranks, a frame costs 2 and 4 ms of sleep (100 frames of 16²), 100 iterations
mixed : 3 ranks, 2, 4 and 8 ms, 30 iterations
real  : 2 ranks that compute (196 frames of 128², 2 modes, single precision); the second sleeps as long as its
    projections took it, 60 iterations
ideal : all frames divided by the sum of the speeds (frames per second of computing) measured in the same run
    without balance. `auto` holds the iterations before the move and the move itself.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from nanompi.mpi.mpiexec import environment, mpiexec

PROGRAM = Path(__file__).parents[1] / "tests" / "mpi" / "balance_engines.py"
RANKS = {"slow": 2, "mixed": 3, "real": 2}


def run(what: str) -> dict:
    """What the program found."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        own = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "PYTHONPATH": str(PROGRAM.parents[2])}
        command = [mpiexec(), "-n", str(RANKS[what]), sys.executable, str(PROGRAM), what, str(out)]
        subprocess.run(command, env={**environment(), **own}, check=True)
        return json.loads(out.read_text())


def line(what: str, found: dict) -> str:
    """A line of the table."""
    off, auto, ideal = found["off"]["wall"], found["auto"]["wall"], found["ideal"]
    speeds = " : ".join(f"{s / max(found['speeds']):.2f}" for s in found["speeds"])
    frames = " ".join(map(str, found["auto"]["frames"]))
    return (
        f"{what:<6} {speeds:<18} {off:8.4f} {auto:8.4f} {ideal:8.4f} {off / ideal:10.2f} {auto / ideal:10.2f}"
        f"   {frames}"
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--what", nargs="+", choices=RANKS, default=list(RANKS))
    parser.add_argument("--repeat", type=int, default=1)
    args = parser.parse_args()
    print("       speeds                off s   auto s  ideal s  off/ideal auto/ideal   frames at the end")
    for what in args.what:
        for _ in range(args.repeat):
            print(line(what, run(what)), flush=True)


if __name__ == "__main__":
    main()
