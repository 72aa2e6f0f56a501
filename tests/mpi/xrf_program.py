"""Run by mpirun: nanompi, where a block of `xrf.fit` sends its rank a signal, before it is worked on.

The map of the deviance is written in place, as that of a large scan is: there are checkpoints of blocks then.

usage: xrf_program.py [SIGNAL@BLOCK@RANK] -- ARGUMENTS OF NANOMPI
"""

import os
import signal
import sys

import nanompi.device.cpu
import nanompi.run.store
from nanompi.cli import main
from nanompi.methods.maps.xrf.fit import Fit

RANK = next(name for name in ("PMI_RANK", "OMPI_COMM_WORLD_RANK") if name in os.environ)


def watched(self, block, info, fitted=Fit.block):
    """The step's own, and what the command line asks for before it"""
    if not info.again:
        done[0] += 1
    for name, at, rank in events:
        if (done[0], int(os.environ[RANK])) == (int(at), int(rank)):
            os.kill(os.getpid(), getattr(signal, f"SIG{name}"))
    return fitted(self, block, info)


if __name__ == "__main__":
    cut, done = sys.argv.index("--"), [0]
    events = [text.split("@") for text in sys.argv[1:cut]]
    nanompi.device.cpu.BLOCK = 1 << 10
    nanompi.run.store.LARGE = 1
    Fit.block = watched
    sys.exit(main(sys.argv[cut + 1 :]))
