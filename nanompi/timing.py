"""Seconds and bytes of each phase of a run: start-up, import, load, prepare, iterate, combine, wait, write.

`compile` is the compiler's time for the program's kernels on a card, little once CuPy has kept them.
`wait` is the time in which a rank stands still until the last one has come; `combine` the sums themselves.
"""

import os
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Time per phase of this rank. Phases may nest: the time of an inner phase is not counted in the outer
    one.

    whole : seconds of each outermost phase, with all that is nested in it
    sent  : bytes given to sums within each outermost phase
    others: seconds in verbs in which this rank depends on others (`nanompi.mpi.team`), whatever the phase
    """

    seconds: dict[str, float] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    whole: dict[str, float] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    begun: float = field(default_factory=time.perf_counter)
    others: float = 0.0
    ticks: int = 0
    hear: Callable[[], None] = lambda: None  # told when `patient` changes
    _patient: bool = False
    _names: list[str] = field(default_factory=list)
    _inner: list[float] = field(default_factory=list)
    _begun: list[float] = field(default_factory=list)

    @classmethod
    def since_start(cls) -> "Clock":
        """A clock that has run since this process was started; what has passed is "start-up"."""
        passed = age()
        return cls(seconds={"start-up": passed}, begun=time.perf_counter() - passed)

    @contextmanager
    def phase(self, name: str):
        """`with clock.phase("load"): ...`"""
        t = time.perf_counter()
        self.tick()
        self._names.append(name)
        self._inner.append(0.0)
        self._begun.append(t)
        try:
            yield self
        finally:
            self.tick()
            self._names.pop()
            self._begun.pop()
            whole = time.perf_counter() - t
            self.seconds[name] = self.seconds.get(name, 0.0) + whole - self._inner.pop()
            if self._inner:
                self._inner[-1] += whole
            else:
                self.whole[name] = self.whole.get(name, 0.0) + whole

    @property
    def now(self) -> str:
        """The phase that this rank works or waits in, the innermost; '' between phases."""
        return next((name for name in reversed(self._names) if name != "wait"), "")

    def unfinished(self) -> tuple[str, float]:
        """(the innermost phase that goes on, its seconds up to now without those nested in it), which are not
        counted yet; ("", 0.0) between phases."""
        names, begun, inner = self._names[-1:], self._begun[-1:], self._inner[-1:]
        if not (names and begun and inner):
            return "", 0.0
        return names[0], time.perf_counter() - begun[0] - inner[0]

    @property
    def patient(self) -> bool:
        """Does a step of the user's own run? It says nothing of its progress."""
        return self._patient

    @patient.setter
    def patient(self, yes: bool):
        self._patient = yes
        self.hear()

    def tick(self):
        """Work has gone on: what a watchdog looks at."""
        self.ticks += 1

    def move(self, seconds: float, source: str, to: str):
        """Part of a phase was another one: threads did both at once."""
        self.seconds[source] = self.seconds.get(source, 0.0) - seconds
        self.seconds[to] = self.seconds.get(to, 0.0) + seconds

    def count(self, name: str, nbytes: int):
        """Add bytes to a phase."""
        self.bytes[name] = self.bytes.get(name, 0) + int(nbytes)

    def give(self, nbytes: int):
        """Add bytes that this rank gives to a sum over the ranks."""
        self.count("combine", nbytes)
        outer = self._names[0] if self._names else ""
        self.sent[outer] = self.sent.get(outer, 0) + int(nbytes)

    def alone(self) -> float:
        """Seconds since this clock was made in which this rank did not depend on others."""
        return self.elapsed() - self.others

    def elapsed(self) -> float:
        """Seconds since this clock was made."""
        return time.perf_counter() - self.begun


def age() -> float:
    """Seconds since this process was started, to 0.01 s; where the system does not tell, its CPU time."""
    try:
        with open("/proc/self/stat") as stat:
            ticks = int(stat.read().rpartition(")")[2].split()[19])
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, AttributeError, ValueError, IndexError):
        return time.process_time()
