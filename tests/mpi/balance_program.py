"""Run by mpirun: nanompi on ranks of which one is slow, or with moves of frames at given iterations.

usage: balance_program.py [WHAT@ITERATION@RANK ...] -- ARGUMENTS OF NANOMPI      (see restart_program.py)
SHIFT : "2:1,3 5:2,1": after iteration 2 the frames are divided by the speeds 1 : 3, after 5 by 2 : 1
PACE  : "0.1,0.2": seconds that a frame takes longer on rank 0, rank 1; by the clock, nobody sleeps
"""

import os
import sys
import time
from types import SimpleNamespace

import numpy as np

from nanompi import timing
from nanompi.cli import main
from nanompi.methods.ptycho import balance
from nanompi.methods.ptycho.engines import engine
from nanompi.run.control import Control
from tests.mpi import restart_program


def floats(text):
    return [float(v) for v in text.split(",") if v]


SHIFTS = {int(k): floats(v) for k, _, v in (s.partition(":") for s in os.environ.get("SHIFT", "").split())}
PACES = floats(os.environ.get("PACE", ""))
ahead = []


def forced(self, p, one, left):
    if p.iteration in SHIFTS:
        with p.clock.phase("balance"):
            assert self.shift(p, one, np.array(SHIFTS[p.iteration])) > 0


class Slow:
    """An engine on a rank whose frames take longer."""

    def __init__(self, one, pace):
        self.one, self.pace = one, pace

    def __getattr__(self, name):
        return getattr(self.one, name)

    def iterate(self, p, i):
        ahead.append(self.pace * len(p.at))
        return self.one.iterate(p, i)


def hook(one, p, i):
    return restart_program.hook(Slow(one, PACES[p.team.rank]) if PACES else one, p, i)


if __name__ == "__main__":
    cut = sys.argv.index("--")
    restart_program.events = [text.split("@") for text in sys.argv[1:cut]]
    engine._iterate, Control.__init__ = hook, restart_program.remember
    if PACES:
        timing.time = SimpleNamespace(
            **vars(time) | {"perf_counter": lambda: time.perf_counter() + sum(ahead)}
        )
    if SHIFTS:
        balance.Balance.turn = forced
    sys.exit(main(sys.argv[cut + 1 :]))
