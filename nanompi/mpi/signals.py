"""Signals: USR1, TERM, INT and HUP ask a run to keep its state and stop; the second but USR1 ends it at once.

USR2 stands for TERM and INT where a launcher would kill the ranks after them: `nanompi run -n` sends it.
"""

import _thread
import atexit
import math
import os
import signal
import threading
import time

MOMENT = 1.0  # seconds in which what ends comes once
LATER = 0.1  # seconds until a signal comes again that came while kernels were compiled
WAITS = b"nanompi: a signal came; the run ends when the kernel at work is compiled\n"
COMPILERS = ("numba", "llvmlite")  # an exception out of nowhere leaves their lock taken, or they swallow it
ASKS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ENDS = (*ASKS, signal.SIGUSR2)


def heeded(numbers) -> list[int]:
    """Those of the signals that are to be heeded: a HUP that is ignored was meant to be (nohup)."""
    return [n for n in numbers if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]


def compiling(frame) -> bool:
    """Is a compiler at work in this frame of the main thread, or in one that called it?"""
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in COMPILERS:
            return True
        frame = frame.f_back
    return False


def later(number: int):
    """The signal comes once more in a moment. A handler asks for it: it may take no lock of `threading`."""
    _thread.start_new_thread(_send, (number,))


def _send(number: int):
    time.sleep(LATER)
    signal.pthread_kill(threading.main_thread().ident, number)


class Signals:
    """asked : the signal that came, 0 = none. gentle : TERM, INT and HUP only ask, since something can be
    kept.

    Before the first iteration there is nothing to keep: they end the rank at once with 128 + number, but for
    a kernel that is being compiled: when it is done.

    One wish may come several times: when the program that started the ranks is killed, the kernel tells of
    its main thread and of the whole; schedulers and launchers both pass TERM on.
    """

    def __init__(self):
        self.asked, self.gentle, self.came = 0, False, -math.inf
        self.due = 0  # the signal that ends this rank as soon as that breaks nothing

    def install(self) -> "Signals":
        """Take over the signals of this process."""
        for number in (*heeded(ENDS), signal.SIGUSR1):
            signal.signal(number, self.come)
        atexit.register(self.rest)
        return self

    def rest(self):
        """At the very end. Python then sets the default back, and what had been obeyed would end it again."""
        for number in heeded(ENDS) if self.asked in ENDS else ():
            signal.signal(number, signal.SIG_IGN)

    def come(self, number: int, frame=None):
        """What the handler does. One that somebody swallows is heeded where the run looks at `asked`."""
        if number in ENDS and not self.due:
            before, self.came = self.came, time.monotonic()
            if self.came - before < MOMENT:
                return
            if self.asked in ENDS or not self.gentle:
                self.due = signal.SIGTERM if number == signal.SIGUSR2 else number
        told, self.asked = self.asked, number
        if self.due and compiling(frame):
            if not told:
                os.write(2, WAITS)
            later(number)
        elif self.due:
            due, self.due = self.due, 0
            raise SystemExit(128 + due)

    @property
    def name(self) -> str:
        """Name of the signal that came."""
        if self.asked == signal.SIGUSR2:
            return "SIGTERM, SIGINT or SIGHUP"
        return signal.Signals(self.asked).name if self.asked else ""
