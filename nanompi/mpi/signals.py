"""Signals: USR1, TERM, INT and HUP ask a run to keep its state and stop; the second but USR1 ends it at once.

USR2 stands for TERM and INT where a launcher would kill the ranks after them: `nanompi run -n` sends it.
"""

import atexit
import math
import signal
import time

MOMENT = 1.0  # seconds in which what ends comes once
ASKS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ENDS = (*ASKS, signal.SIGUSR2)


def heeded(numbers) -> list[int]:
    """Those of the signals that are to be heeded: a HUP that is ignored was meant to be (nohup)."""
    return [n for n in numbers if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]


class Signals:
    """asked : the signal that came, 0 = none. gentle : TERM, INT and HUP only ask, since something can be
    kept.

    Before the first iteration there is nothing to keep: they end the rank at once with 128 + number.

    One wish may come several times: when the program that started the ranks is killed, the kernel tells of
    its main thread and of the whole; schedulers and launchers both pass TERM on.
    """

    def __init__(self):
        self.asked, self.gentle, self.came = 0, False, -math.inf

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

    def come(self, number: int, _frame=None):
        """What the handler does."""
        if number in ENDS:
            before, self.came = self.came, time.monotonic()
            if self.came - before < MOMENT:
                return
            if self.asked in ENDS or not self.gentle:
                raise SystemExit(128 + (signal.SIGTERM if number == signal.SIGUSR2 else number))
        self.asked = number

    @property
    def name(self) -> str:
        """Name of the signal that came."""
        if self.asked == signal.SIGUSR2:
            return "SIGTERM, SIGINT or SIGHUP"
        return signal.Signals(self.asked).name if self.asked else ""
