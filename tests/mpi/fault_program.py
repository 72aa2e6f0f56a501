"""Under mpirun: one rank fails while the others wait for it in a sum.

usage: fault_program.py RANK HOW FOLDER (each rank leaves its process number there)
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from nanompi.errors import DataError, NumbersError
from nanompi.mpi.team import Team

FAULTS = {
    "data": DataError("scan.h5: frame 7 cannot be read"),
    "numbers": NumbersError("the error is nan at iteration 3"),
    "value": ValueError("of our own making"),
    "memory": MemoryError("Unable to allocate 12 GiB"),
    "exit": SystemExit(143),
    "exit with 0": SystemExit(0),
    "exit with text": SystemExit("enough"),
    "keyboard": KeyboardInterrupt(),
}

if __name__ == "__main__":
    with Team() as team:
        failing, how, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
        (folder / f"pid-{team.rank}").write_text(str(os.getpid()))
        team.barrier()
        if team.rank == failing:
            time.sleep(0.2)  # the others are in the sum by now
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise FAULTS[how]
        team.sum(np.ones(4))
        team.barrier()
