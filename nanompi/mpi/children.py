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


def kept(command: list[str], report: int, place) -> list[str]:
    """The command of a keeper (`nanompi.mpi.keeper`) of a program that ends with this process, and leaves
    nothing behind. To be started by the main thread.

    report : an open pipe, which is told what became of it; place : a folder that goes with this process
    """
    keeper = os.path.join(os.path.dirname(__file__), "keeper.py")
    return [sys.executable, "-I", "-S", keeper, str(os.getpid()), str(report), str(place), *command]


def around() -> dict[str, str]:
    """The environment for a program that is no rank: without what tells a rank of its launcher, and with as
    many threads as it would have without this program (`nanompi.mpi.mpiexec.one_thread`)."""
    ours = os.environ.get(ONE_THREAD, "").split(",")
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ours and name != ONE_THREAD and not name.startswith(OF_RANKS)
    }


ONE_THREAD = "NANOMPI_ONE_THREAD"  # names of the variables that this program has set to 1
OF_RANKS = ("PMI_", "PMIX_", "OMPI_", "PRTE_", "HYDRA_", "HYDI_", "MPI_LOCAL", "MPIR_", "MV2_", "I_MPI_HYDRA")
