"""Signals: USR1, TERM, INT and HUP ask a run to keep its state and stop; the second but USR1 ends it at once.

USR2 stands for TERM and INT where a launcher would kill the ranks after them: `nanompi run -n` sends it.
"""

import signal

ASKS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ENDS = (*ASKS, signal.SIGUSR2)


def heeded(numbers) -> list[int]:
    """Those of the signals that are to be heeded: a HUP that is ignored was meant to be (nohup)."""
    return [n for n in numbers if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]


class Signals:
    """asked : the signal that came, 0 = none. gentle : TERM, INT and HUP only ask, since something can be
    kept.

    Before the first iteration there is nothing to keep: they end the rank at once with 128 + number.
    """

    def __init__(self):
        self.asked, self.gentle = 0, False

    def install(self) -> "Signals":
        """Take over the signals of this process."""
        for number in (*heeded(ENDS), signal.SIGUSR1):
            signal.signal(number, self.come)
        return self

    def come(self, number: int, _frame=None):
        """What the handler does."""
        again = self.asked in ENDS and number in ENDS
        if number in ENDS and (again or not self.gentle):
            raise SystemExit(128 + (signal.SIGTERM if number == signal.SIGUSR2 else number))
        self.asked = number

    @property
    def name(self) -> str:
        """Name of the signal that came."""
        if self.asked == signal.SIGUSR2:
            return "SIGTERM, SIGINT or SIGHUP"
        return signal.Signals(self.asked).name if self.asked else ""
