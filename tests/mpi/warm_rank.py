"""Started by mpiexec in the place of a Python: a child of the warm Python (warm.py) does its work.

usage: warm_rank.py SOCKET PYTHON WORDS OF PYTHON. Signals go on to the child, and it ends as the child does.
Without the warm Python it becomes the Python itself.
"""

import contextlib
import marshal
import os
import signal
import socket
import sys

PASSED = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}


def ask(path: str, words: list[str]) -> socket.socket:
    """The connection over which a child was asked for, with the streams and the launcher's socket."""
    door = socket.socket(socket.AF_UNIX)
    door.connect(path)
    fds = [0, 1, 2, *(int(os.environ[name]) for name in ("PMI_FD",) if name in os.environ)]
    request = {"fds": fds, "environ": dict(os.environ), "folder": os.getcwd(), "words": words}
    text = marshal.dumps(request)
    socket.send_fds(door, [len(text).to_bytes(8, "little")], fds)
    door.sendall(text)
    return door


def number(door) -> int:
    """The next number that is told"""
    text = door.recv(8, socket.MSG_WAITALL)
    return int.from_bytes(text, "little") if text else sys.exit("the warm Python is gone")


def pass_on(child: int, sent: int):
    """Give a signal to the child, which may have ended just now"""
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, sent)


def end_as(status: int):
    """End as a child whose wait status is this"""
    if os.WIFSIGNALED(status):
        sent = os.WTERMSIG(status)
        if sent != signal.SIGKILL:
            signal.signal(sent, signal.SIG_DFL)
        os.kill(os.getpid(), sent)
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    path, python, *words = sys.argv[1:]
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED)
    try:
        door = ask(path, words)
    except OSError:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED)
        os.execv(python, [python, *words])
    child = number(door)
    for one in PASSED:
        signal.signal(one, lambda sent, _: pass_on(child, sent))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED)
    end_as(number(door))
