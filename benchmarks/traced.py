"""Run by mpirun for house.py: nanompi, with every collective call of the MPI library noted down.

    mpiexec -n 2 python benchmarks/traced.py OUT.json ARGUMENTS OF NANOMPI

OUT.json, of rank 0 : calls {name: times}, stacks {functions from `main` to an Allreduce: times}. It knows
nothing of the program but `nanompi.cli.main`, so that it runs on other checkouts, too.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import mpi4py

COLLECTIVE = re.compile("i?(all|bcast|barrier|gather|scatter|reduce|scan|exscan)", re.I)
SUM = re.compile("i?allreduce", re.I)
CALLS, STACKS = Counter(), Counter()


def noted(method, name: str):
    """A method of a communicator that counts its calls."""

    def call(self, *args, **kwargs):
        CALLS[name] += 1
        if SUM.match(name):
            STACKS[" ".join(stack())] += 1
        return method(self, *args, **kwargs)

    return call


def stack() -> list[str]:
    """file:function of the frames of nanompi, from main to the caller of MPI."""
    frames, frame = [], sys._getframe(2)
    while frame:
        if frame.f_globals.get("__name__", "").startswith("nanompi."):
            path = frame.f_code.co_filename.rpartition("/nanompi/")[2]
            frames.append(f"{path}:{frame.f_code.co_name}")
        frame = frame.f_back
    return frames[::-1]


def main(out: str, *words: str) -> int:
    """nanompi, whose world counts from MPI_Init on."""
    mpi4py.rc(initialize=False, finalize=True)
    from mpi4py import MPI

    from nanompi import cli

    def begin(start=MPI.Init_thread):
        start()
        names = filter(COLLECTIVE.match, dir(MPI.Intracomm))
        methods = {name: noted(getattr(MPI.Intracomm, name), name) for name in names}
        MPI.COMM_WORLD = type("Noted", (MPI.Intracomm,), methods)(MPI.COMM_WORLD)

    MPI.Init_thread = begin
    code = cli.main(list(words))
    if MPI.COMM_WORLD.rank == 0:
        Path(out).write_text(json.dumps({"calls": CALLS, "stacks": STACKS}))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
