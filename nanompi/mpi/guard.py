"""What happens when one rank alone fails: it says why, and ends the others, which wait for it."""

import os
import threading
import time
from contextlib import contextmanager

from nanompi.errors import complain, exit_code, explained, is_common


@contextmanager
def guest(team):
    """`with guest(team):` in a program of somebody else's, which gets the errors that all ranks have.

    One that this rank has alone ends all ranks, since the others wait for it: they cannot be told.
    """
    try:
        yield
    except BaseException as error:
        if team.size > 1 and not is_common(error):
            end_all(team, error, error.__traceback__, exit_code(error))
        raise


@contextmanager
def outspoken(team):
    """`with outspoken(team):` that the connection to the others broke is told at once, before files are
    closed: MPI and the scheduler may leave this process no time for more."""
    try:
        yield
    except Exception as error:
        if explained(error) is not error:
            team.lost = error
            complain(error, error.__traceback__, _who(team))
        raise


def end_all(team, error: BaseException, trace, code: int):
    """Say the error, and end all ranks with its code."""
    if error is not team.lost:
        complain(error, trace, _who(team))
    # The others still wait for this rank: also an exit with 0 is a failure here.
    time.sleep(0.3)  # mpiexec kills without reading what is still in the pipe of stderr
    team.comm.Abort(code or 1)
    os._exit(code or 1)  # MPICH's Abort returns: python would go on to print the error a second time


def threads_at_work() -> bool:
    """Would Python wait for other threads before it ends?"""
    others = (t for t in threading.enumerate() if t is not threading.current_thread())
    return any(not t.daemon for t in others)


def _who(team) -> str:
    return f"rank {team.rank} on {team.host}: "
