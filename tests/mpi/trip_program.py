"""Run by mpirun: nanompi, with what MPI is asked in each iteration, and by how many frames of the stack.

usage: trip_program.py OUT.json ARGUMENTS OF NANOMPI
OUT.json, of rank 0 : of each iteration {engine, calls: {collective verb of MPI: times}, stacks: of each
Allreduce "module:function ..." from `main` on}
"""

import json
import sys
from pathlib import Path

import mpi4py

mpi4py.rc(initialize=False, finalize=True)
from mpi4py import MPI  # noqa: E402

from nanompi.cli import main  # noqa: E402
from nanompi.methods.ptycho.engines import engine  # noqa: E402

VERBS = ("Allreduce", "Barrier", "Ibarrier", "allreduce", "allgather", "bcast", "gather", "Bcast")
iterate, init, iterations = engine._iterate, MPI.Init_thread, []


def noted(name: str):
    def call(self, *args, **kwargs):
        if iterations:
            calls, stacks = iterations[-1]["calls"], iterations[-1]["stacks"]
            calls[name] = calls.get(name, 0) + 1
            stacks += [stack()] * (name == "Allreduce")
        return getattr(MPI.Intracomm, name)(self, *args, **kwargs)

    return call


def stack() -> str:
    """The frames of nanompi, from `main` on."""
    frames, frame = [], sys._getframe(2)
    while frame:
        if frame.f_globals.get("__name__", "").startswith("nanompi."):
            frames.append(f"{frame.f_globals['__name__']}:{frame.f_code.co_name}")
        frame = frame.f_back
    return " ".join(frames[::-1])


def begin():
    init()
    MPI.COMM_WORLD = type("Noted", (MPI.Intracomm,), {n: noted(n) for n in VERBS})(MPI.COMM_WORLD)


def hook(one, p, i):
    iterations.append({"engine": one.name, "calls": {}, "stacks": []})
    return iterate(one, p, i)


if __name__ == "__main__":
    MPI.Init_thread, engine._iterate = begin, hook
    code = main(sys.argv[2:])
    if MPI.COMM_WORLD.rank == 0:
        Path(sys.argv[1]).write_text(json.dumps(iterations))
    sys.exit(code)
