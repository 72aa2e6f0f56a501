"""A run inside a program of the user's: an interrupt ends its iterations, no change of it lasts."""

import os
import signal
import threading
from contextlib import contextmanager, nullcontext

from nanompi.mpi.signals import compiling, later
from nanompi.run.control import Control


def one_thread_each():
    """`with one_thread_each():` libraries that would start threads of their own have one, as on the command
    line: the same bits, and the cores are for `run.threads`. What OMP_NUM_THREADS says stays."""
    if os.environ.get("OMP_NUM_THREADS"):
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


class Interrupts:
    """An interrupt (Ctrl-C, the stop button of a notebook) asks iterations to end, with what there is.

    Another one, or one where no iterations have begun, is a KeyboardInterrupt. asked, gentle, name : as
    `nanompi.mpi.signals.Signals` has them; heard : was there one?
    """

    asked = 0

    def __init__(self):
        self.gentle = self.interrupted = False

    @property
    def name(self) -> str:
        """What came, in words."""
        return "an interrupt" * self.interrupted

    @contextmanager
    def heard(self):
        """`with Interrupts().heard() as signals:` in the main thread, which alone hears of them."""
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(before):
            yield self
            return
        signal.signal(signal.SIGINT, self.come)
        try:
            yield self
        finally:
            signal.signal(signal.SIGINT, before)

    def come(self, number: int, frame=None):
        """What the handler does."""
        if (self.interrupted or not self.gentle) and compiling(frame):
            later(number)
            return
        if self.interrupted or not self.gentle:
            raise KeyboardInterrupt
        self.interrupted = True


class Attended(Control):
    """Control of such a run; without a folder it keeps no state and looks for no files."""

    def __init__(self, run, marks: dict, signals: Interrupts):
        super().__init__(run, marks, signals)
        if self.folder is None:
            self.interval, self.looked = 0, float("inf")

    def _wishes(self) -> tuple[bool, ...]:
        """An interrupt is the wish for an early end."""
        end, keep, stop, *more = super()._wishes()
        return end, keep, stop or self.signals.interrupted, *more

    def _early(self):
        name = next(filter(None, self.team.allgather(self.signals.name)), "")
        if not name:
            return super()._early()
        self.notes["stopped"] = f"by {name} after iteration {self.done}"
        self.say(f"stopped {self.notes['stopped']}: the remaining iterations and engines are skipped")
