"""Run by mpirun: nanompi, with something that happens on one rank in the middle of an iteration.

usage: restart_program.py [WHAT@ITERATION@RANK ...] -- ARGUMENTS OF NANOMPI
WHAT : USR1, TERM, INT, KILL, STOP (signals to this rank itself); stop, checkpoint (files in the run folder);
    stall; frozen (stands still and lets no thread of Python run); hold (until a file `go` appears beside the
    run folder); full:N (N bytes are left on the disk, or in a file when DISK is not set), room (the
    opposite); readonly, writable (the run folder); clock (it jumps by a day); watch:N (from now on the
    watchdog has a limit of N seconds: what comes before may take as long as a busy machine wants)
SLOW : seconds that each iteration takes longer
"""

import ctypes
import os
import resource
import shutil
import signal
import sys
import time

from nanompi.cli import main
from nanompi.methods.ptycho.engines import engine
from nanompi.run import control
from nanompi.run.control import Control
from nanompi.run.watchdog import Watchdog
from tests.patience import patience, until

iterate, begin, now, look = engine._iterate, Control.__init__, time.time, Watchdog._look
folder, dogs = [], []


def remember(self, *what):
    begin(self, *what)
    folder.append(self.folder)


def seen(dog, *what):
    look(dog, *what)
    dogs.append(dog)


def watch(limit: int, _):
    dog = dogs[-1]
    look(dog, dog.team, dog.clock, dog.folder.parent, limit, dog.hosts)


def happen(what: str, p):
    name, _, value = what.partition(":")
    if name in ("stop", "checkpoint"):
        (folder[0] / name).touch()
    elif name in EVENTS:
        with p.clock.phase("iterate"):
            EVENTS[name](int(value or 0), p.team.root)
    else:
        os.kill(os.getpid(), getattr(signal, f"SIG{name}"))


def full(left: int, root: bool):
    if "DISK" not in os.environ:
        resource.setrlimit(resource.RLIMIT_FSIZE, (left, resource.RLIM_INFINITY))
        return
    if root:
        filler = folder[0].parent / "filler"
        filler.write_bytes(bytes(max(0, shutil.disk_usage(folder[0]).free - left)))


def room(_, root: bool):
    if root:
        (folder[0].parent / "filler").unlink(missing_ok=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def readonly(*_):
    folder[0].chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)  # permissions do not bind root


def writable(*_):
    if os.getuid() == 0:
        os.seteuid(0)
    folder[0].chmod(0o755)


EVENTS = {
    "stall": lambda *_: time.sleep(patience(90)),
    "frozen": lambda *_: ctypes.PyDLL(None).sleep(int(patience(90))),
    "hold": lambda *_: until((folder[0].parent / "go").exists, 90),
    "full": full,
    "room": room,
    "readonly": readonly,
    "writable": writable,
    "watch": watch,
    "clock": lambda *_: setattr(time, "time", lambda: now() + 86400),
}


def hook(one, p, i):
    for what, at, rank in events:
        if p.iteration + 1 == int(at) and p.team.rank == int(rank):
            happen(what, p)
    time.sleep(float(os.environ.get("SLOW", "0")))
    return iterate(one, p, i)


if __name__ == "__main__":
    cut = sys.argv.index("--")
    events = [text.split("@") for text in sys.argv[1:cut]]
    engine._iterate, Control.__init__, Watchdog._look = hook, remember, seen
    control.LOOK = 0  # for files after each iteration: all of them may be done in one second
    sys.exit(main(sys.argv[cut + 1 :]))
