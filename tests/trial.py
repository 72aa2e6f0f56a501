"""Trials: the program is imported once, and each trial is a forked child with limits of memory and time.

Whatever a user or a file does, a trial ends by itself, with a documented exit code and without a traceback.
What a trial had to import beyond that is imported here after it, for those that follow.
"""

import importlib
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nanompi.cli import main
from nanompi.methods import discover
from tests.patience import patience

BARE = 170 << 20  # bytes of addresses of a process that has `loaded` and done nothing else
DOCUMENTED = (0, 2, 3, 4, 5, 6, 7, 75)  # 1 is a fault of ours
OURS = ("nanompi", "pydantic", "numpy", "scipy", "h5py", "yaml")  # packages that trials share once imported


@dataclass
class Ended:
    """How a trial ended: its exit code (-n: by signal n), and all that it said."""

    code: int
    text: str


@cache
def loaded():
    """All modules that a trial may need, imported once."""
    for name in ("check", "compare", "inspect", "plan", "resume", "run", "status", "submit"):
        importlib.import_module(f"nanompi.cli.{name}")
    for name in (
        "job.job",
        "job.sweeps",
        "cluster.site",
        "report.status",
        "cluster.slurm",
        "methods.ptycho.compare",
        "methods.ptycho.scaling.look",
    ):
        importlib.import_module(f"nanompi.{name}")
    discover()


def trial(*words: str, memory: int = 4 << 30, also=()) -> Ended:
    """`nanompi WORDS` in a child. The test fails on a hang, a traceback, a signal, or an exit code that no
    documentation names and that does not stand in `also`.

    memory : bytes that a process of its own would be allowed; what earlier tests left here does not count
    """
    loaded()
    out, (ear, mouth) = Path("said"), os.pipe()
    child = os.fork()
    if child == 0:
        _child(words, out, memory, mouth)
    os.close(mouth)
    end = time.monotonic() + patience(30)
    while (done := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(ear)
            raise AssertionError(f"{words}: hangs\n{out.read_text(errors='replace')[-2000:]}")
        time.sleep(0.005)
    _import_the_same(ear)
    ended = Ended(os.waitstatus_to_exitcode(done[1]), out.read_text(errors="replace"))
    assert "Traceback" not in ended.text and "internal error" not in ended.text, (words, ended.text[-2000:])
    assert ended.code in (*DOCUMENTED, *also), (words, ended)
    return ended


def _import_the_same(ear: int):
    """What the trial that has ended had to import; nothing of one that was killed"""
    with open(ear) as names:
        for name in names.read().split():
            importlib.import_module(name)


def _addresses() -> int:
    """Bytes of addresses that this process has."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def _child(words, out, memory, mouth):
    """Never returns. mouth : takes the names of all modules of `OURS` that were imported here"""
    code, before = 99, set(sys.modules)
    try:
        for stream, number in ((open(os.devnull), 0), (open(out, "w"), 1), (open(out, "a"), 2)):
            os.dup2(stream.fileno(), number)
        sys.stdin, sys.stdout, sys.stderr = (open(n, "r" if n == 0 else "w", closefd=False) for n in range(3))
        most = memory - BARE + _addresses()
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        code = main(list(words))
        sys.stdout.flush(), sys.stderr.flush()
        new = (name for name in sys.modules.keys() - before if name.partition(".")[0] in OURS)
        os.write(mouth, " ".join(sorted(new)).encode())  # a pipe takes 64 kB without a reader
    finally:
        os._exit(code)
