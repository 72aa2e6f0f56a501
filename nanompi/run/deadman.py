"""A timer that ends this process when nobody renews it, even where a library holds Python's lock.

A timer of the system (timer_create of POSIX) starts after some seconds without renewal, in C alone; it sets
an alarm, and that, some seconds later, tells where Python stands and ends the process by SIGALRM. Two stages,
since a process that was stopped for long (a suspended job) finds the timer run out when it goes on: it then
has the time of the second stage to renew it.
"""

import ctypes
import faulthandler
import math
import signal
import sys
from contextlib import suppress

MONOTONIC, BY_THREAD = 1, 2  # CLOCK_MONOTONIC, SIGEV_THREAD


class Event(ctypes.Union):
    """struct sigevent of Linux on machines of 64 bits"""

    class _Thread(ctypes.Structure):
        _fields_ = [
            ("value", ctypes.c_void_p),
            ("signal", ctypes.c_int),
            ("notify", ctypes.c_int),
            ("function", ctypes.c_void_p),
            ("attributes", ctypes.c_void_p),
        ]

    _fields_ = [("thread", _Thread), ("size", ctypes.c_byte * 64)]


class Deadman:
    """`renew(seconds)` again and again; `off()`.

    second : seconds of the second stage. Where the system has no such timer nothing is watched.
    """

    def __init__(self, second: float = 30.0):
        self.timer, self.libc = ctypes.c_void_p(), None
        if sys.platform != "linux" or ctypes.sizeof(ctypes.c_void_p) != 8:
            return
        libc, event = ctypes.CDLL(None, use_errno=True), Event()
        event.thread.value = max(1, math.ceil(second))
        event.thread.notify = BY_THREAD
        with suppress(AttributeError, ValueError, OSError):
            event.thread.function = ctypes.cast(libc.alarm, ctypes.c_void_p)
            faulthandler.register(signal.SIGALRM, chain=True)  # tell the stack, then end
            if libc.timer_create(MONOTONIC, ctypes.byref(event), ctypes.byref(self.timer)) == 0:
                self.libc = libc

    def renew(self, seconds: float):
        """Not before so many seconds from now; 0 = never."""
        if self.libc:
            whole = int(seconds)
            spec = (ctypes.c_long * 4)(0, 0, whole, int(1e9 * (seconds - whole)))  # struct itimerspec
            self.libc.timer_settime(self.timer, 0, spec, None)
            signal.alarm(0)

    def off(self):
        """Watch no more."""
        if self.libc:
            self.renew(0)
            self.libc.timer_delete(self.timer)
            self.libc = None
