"""Run by mpirun: nanompi, with a step that makes a stack too large to be gathered, in blocks of a few rows.

usage: store_program.py [SIGNAL@BLOCK@RANK] [blind] [full] -- ARGUMENTS OF NANOMPI
blind : no rank but 0 sees the folder of the run; full : files may have 1 MB
"""

import os
import resource
import signal
import sys

import numpy as np

import nanompi.device.cpu
from nanompi.cli import main
from nanompi.step import item, step, total

SIDE = 200
RANK = next(name for name in ("PMI_RANK", "OMPI_COMM_WORLD_RANK") if name in os.environ)
PATTERN = np.sin(np.arange(SIDE * SIDE)).reshape(SIDE, SIDE)


@step("test.stack", each="sinogram", gives={"data": item("y", "x"), "mean": item(), "sum": total("x")})
class Stack:
    """Of each row a picture of 160 kB, its mean, and a sum over all."""

    def start(self, run, data):
        self.rank, self.number = run.team.rank, 0
        if "full" in sys.argv[:cut]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))

    def block(self, block, info):
        self.number += 1
        for name, at, rank in events:
            if (self.number, self.rank) == (int(at), int(rank)):
                os.kill(os.getpid(), getattr(signal, f"SIG{name}"))
        out = block.sum((1, 2), dtype=np.float64)[:, None, None] * PATTERN
        return {"data": out.astype(np.float32), "mean": out.mean((1, 2)), "sum": out.mean(1)}


if __name__ == "__main__":
    cut = sys.argv.index("--")
    events = [text.split("@") for text in sys.argv[1:cut] if "@" in text]
    nanompi.device.cpu.BLOCK = 1 << 10
    if "blind" in sys.argv[:cut]:
        os.access = lambda path, mode: int(os.environ[RANK]) == 0
    sys.exit(main(sys.argv[cut + 1 :]))
