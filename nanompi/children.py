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


def forget_working_folder():
    """The same for `python -m nanompi`, whose working folder stands first in the path of modules."""
    with suppress(OSError):  # the working folder may be gone
        if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
            del sys.path[0]
