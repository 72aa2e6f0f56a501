"""Starts a program and stays until nothing of it is left; a process of its own, without imports of nanompi.

    python -I -S keeper.py PARENT REPORT PLACE COMMAND...

PARENT : pid of the process that asks for it. Where that has gone, in whatever way, or asks by TERM, the
    program is ended: by TERM, then by KILL.
PLACE : a folder with files of the program, which is removed where PARENT has gone, or has asked to end:
    it may be killed the next moment.
REPORT : number of an open pipe, which gets one line of JSON at the end: {"code": exit code, or minus a
    signal; "seconds", "cpu", "memory": peak in bytes; "left": processes that the program had left behind,
    and that were ended}, or {"error": why it cannot be started}.

On Linux whatever the program starts, and loses, becomes a child of this process (PR_SET_CHILD_SUBREAPER of
prctl): daemons and sessions of their own, too, are found and ended. As a small process between the two it
also sees the program's own peak of memory: a child counts that of the process it was made from.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

DEATH, REAPER = 1, 36  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER
GRACE, AGAIN = 2.0, 0.1  # seconds from TERM to KILL, and from KILL to the next


class Keeper:
    """The program, and all that comes from it."""

    def __init__(self, command: list[str]):
        self.begun, self.memory, self.cpu = time.monotonic(), 0, 0.0
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)

    def end(self):
        """All of it is asked to end; what stays is killed."""
        tell(signal.SIGTERM)
        signal.signal(signal.SIGALRM, lambda *_: tell(signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, GRACE, AGAIN)

    def wait(self, pid: int = 0) -> int | None:
        """The status of the child `pid`, or of the last of all children, when it has ended; None: no child"""
        status = None
        with suppress(ChildProcessError):
            while True:
                ended, status, usage = os.wait4(-1, 0)
                self.memory = max(self.memory, usage.ru_maxrss * 1024)
                self.cpu += usage.ru_utime + usage.ru_stime
                if ended == pid:
                    return status
        return status

    def outcome(self) -> dict:
        """What there is to report, when nothing is left."""
        code = os.waitstatus_to_exitcode(self.wait(self.child.pid))
        seconds, left = time.monotonic() - self.begun, len(descendants())
        if left:
            self.end()
            self.wait()
        return {"code": code, "seconds": seconds, "cpu": self.cpu, "memory": self.memory, "left": left}


def descendants() -> list[int]:
    """Processes that come from this one, as /proc knows them, but for those that have ended."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        with suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
            state, parent = file.read().rpartition(b")")[2].split()[:2]
            if state not in (b"Z", b"X"):
                children.setdefault(int(parent), []).append(int(name))
    found = children.get(os.getpid(), [])
    for pid in found:
        found += children.get(pid, [])
    return found


def tell(number: int):
    """Send a signal to all that comes from this process."""
    for pid in descendants():
        with suppress(OSError):
            os.kill(pid, number)


def bind(parent: int):
    """This process ends with its parent, and takes in what its children lose (on Linux)."""
    with suppress(AttributeError, OSError):
        call = ctypes.CDLL(None).prctl
        call(DEATH, int(signal.SIGTERM))
        call(REAPER, 1)
    if os.getppid() != parent:
        sys.exit(143)


def main(parent: str, report: str, place: str, *command: str):
    """Start, wait, report."""
    keepers: list[Keeper] = []
    came: list[int] = []

    def end(number, _frame):
        came.append(number)
        for keeper in keepers:
            keeper.end()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    bind(int(parent))
    os.set_inheritable(int(report), False)
    try:
        keepers.append(Keeper(list(command)))
        if came:  # before it was there to be ended
            keepers[0].end()
        found = keepers[0].outcome()
    except OSError as error:
        found = {"error": error.strerror or str(error)}
    with suppress(OSError):
        os.write(int(report), json.dumps(found).encode() + b"\n")
    if came or os.getppid() != int(parent):
        import shutil

        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
