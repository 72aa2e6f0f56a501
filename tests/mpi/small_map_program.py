"""Run by mpirun: nanompi, where a block of a step sends its rank a signal, before it is worked on.

usage: small_map_program.py STEP [SIGNAL@BLOCK@RANK] -- ARGUMENTS OF NANOMPI
Each rank adds a line to items.txt: how many items of that step it was given.
"""

import os
import signal
import sys

import nanompi.device.cpu
from nanompi.cli import main
from nanompi.data.blocks import Walk

RANK = int(next(os.environ[name] for name in ("PMI_RANK", "OMPI_COMM_WORLD_RANK") if name in os.environ))


def watched(self, block, info, results=Walk._results):
    """The walk's own, and what the command line asks for before it"""
    if self.step.name == wanted and not info.again:
        done[0] += 1
        for name, at, rank in events:
            if (done[0], RANK) == (int(at), int(rank)):
                os.kill(os.getpid(), getattr(signal, f"SIG{name}"))
        with open("items.txt", "a") as file:
            file.write(f"{len(block)}\n")
    return results(self, block, info)


if __name__ == "__main__":
    cut, done = sys.argv.index("--"), [0]
    wanted, events = sys.argv[1], [text.split("@") for text in sys.argv[2:cut]]
    nanompi.device.cpu.BLOCK = 1 << 10
    Walk._results = watched
    sys.exit(main(sys.argv[cut + 1 :]))
