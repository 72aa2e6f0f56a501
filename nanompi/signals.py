"""Signals: USR1, TERM and INT ask a run to keep its state and stop; the second TERM or INT ends it at once.

USR2 stands for TERM and INT where a launcher would kill the ranks after them: `nanompi run -n` sends it.
"""

import signal

ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)


class Signals:
    """asked : the signal that came, 0 = none. gentle : TERM and INT only ask, since something can be kept.

    Before the first iteration there is nothing to keep: TERM and INT end the rank at once with 128 + number.
    """

    def __init__(self):
        self.asked, self.gentle = 0, False

    def install(self) -> "Signals":
        """Take over the signals of this process."""
        for number in (*ENDS, signal.SIGUSR1):
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
            return "SIGTERM or SIGINT"
        return signal.Signals(self.asked).name if self.asked else ""
