"""A clock for tests: it stands still until somebody moves it."""

import threading


class FalseTime(threading.local):
    """In place of the module `time` of a module under test. Each thread has its own, which begins at 0.

    So a thread passes the seconds that it was told to pass and no others, however busy the machine is.
    """

    now = 0.0

    def perf_counter(self) -> float:
        return self.now

    monotonic = perf_counter

    def spend(self, seconds: float):
        """So many seconds pass in this thread."""
        self.now += seconds
