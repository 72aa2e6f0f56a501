"""Run by mpirun: nanompi, with something that happens on one rank in the middle of an iteration.

usage: restart_program.py WHAT@ITERATION@RANK ... -- ARGUMENTS OF NANOMPI
WHAT : USR1, TERM, INT, KILL (signals to this rank itself), stop, checkpoint (files in the run folder), stall,
    frozen (stands still and lets no thread of Python run), none
"""

import ctypes
import os
import signal
import sys
import time

from nanompi.cli import main
from nanompi.course import Course
from nanompi.ptycho.engines import engine

iterate, init = engine._iterate, Course.__init__
folder = []


def remember(self, team, where, *more):
    init(self, team, where, *more)
    folder.append(self.folder)


def happen(what: str):
    if what in ("stop", "checkpoint"):
        (folder[0] / what).touch()
    elif what == "stall":
        time.sleep(60)
    elif what == "frozen":
        ctypes.PyDLL(None).sleep(60)
    elif what != "none":
        os.kill(os.getpid(), getattr(signal, f"SIG{what}"))


def hook(one, p, i):
    for what, at, rank in events:
        if p.iteration + 1 == int(at) and p.team.rank == int(rank):
            happen(what)
    time.sleep(float(os.environ.get("SLOW", "0")))
    return iterate(one, p, i)


if __name__ == "__main__":
    cut = sys.argv.index("--")
    events = [text.split("@") for text in sys.argv[1:cut]]
    engine._iterate, Course.__init__ = hook, remember
    sys.exit(main(sys.argv[cut + 1 :]))
