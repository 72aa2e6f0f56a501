"""Run by mpirun: nanompi, with a live view after each iteration, written at once; the last one is kept.

usage: live_program.py ARGUMENTS OF NANOMPI
KEPT : file that the last live view becomes; without it there is none of them
SIDE : pixels of it along each axis, at most
KILL : rank 0 kills itself when so many have been written
"""

import os
import shutil
import signal
import sys

from nanompi.cli import main
from nanompi.methods.ptycho import view
from nanompi.report.live import RANKS, SHOW, LiveView

begin, end, drawn = LiveView.begin, LiveView.__call__, LiveView._drawn


def at_once(live, run):
    begin(live, run)
    live.later = lambda work: work()


def kept(live, run):
    if run.team.root:
        shutil.copy(run.folder / "live.h5", os.environ["KEPT"])
        shutil.copy(run.folder / "ranks.json", os.environ["KEPT"] + ".json")
    end(live, run)


def written(live, *what):
    drawn(live, *what)
    if live.times == int(os.environ.get("KILL", "0")):
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    LiveView.wanted = lambda live, asked: (RANKS + SHOW) * ("KEPT" in os.environ)
    view.SIDE = int(os.environ.get("SIDE", view.SIDE))
    if "KEPT" in os.environ:
        LiveView.begin, LiveView.__call__, LiveView._drawn = at_once, kept, written
    sys.exit(main(sys.argv[1:]))
