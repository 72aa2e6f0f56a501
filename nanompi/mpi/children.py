"""Python processes that the program starts: ranks under mpiexec, and questions to MPI or a card."""

import os
import sys
from contextlib import suppress


def python(*words) -> list[str]:
    """The command of a child in Python.

    -P: with -m and -c Python looks for modules in the working folder first, and a numpy.py or yaml.py that
    lies there beside the data would be executed.
    """
    return [sys.executable, "-P", *map(str, words)]


_BOUND = """
import ctypes, os, signal, sys
parent, number, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, int(number))  # PR_SET_PDEATHSIG
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
if os.getppid() != int(parent):
    sys.exit(143)
try:
    os.execvp(command[0], command)
except OSError as e:
    sys.exit(f"nanompi: {command[0]}: {e.strerror}")
"""


def bound(command: list[str], number: int) -> list[str]:
    """The command of a child that gets a signal when this process has gone, in whatever way (on Linux).

    The child binds itself before it becomes the command: nothing runs between fork and exec, which would not
    be safe beside threads. To be started by the main thread: the end of the thread that starts it counts.
    """
    if sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", "-c", _BOUND, str(os.getpid()), str(int(number)), *command]


def forget_working_folder():
    """The same for `python -m nanompi`, whose working folder stands first in the path of modules."""
    with suppress(OSError):  # the working folder may be gone
        if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
            del sys.path[0]
