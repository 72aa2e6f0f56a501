"""Seconds and bytes of each phase of a run: load, prepare, iterate, combine, write."""

import time
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Time per phase of this rank. Phases may nest: the time of an inner phase is not counted in the outer
    one."""

    seconds: dict[str, float] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    begun: float = field(default_factory=time.perf_counter)
    ticks: int = 0
    patient: bool = False  # a step of the user's own says nothing of its progress
    _names: list[str] = field(default_factory=list)
    _inner: list[float] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str):
        """`with clock.phase("load"): ...`"""
        t = time.perf_counter()
        self.tick()
        self._names.append(name)
        self._inner.append(0.0)
        try:
            yield self
        finally:
            self.tick()
            self._names.pop()
            whole = time.perf_counter() - t
            self.seconds[name] = self.seconds.get(name, 0.0) + whole - self._inner.pop()
            if self._inner:
                self._inner[-1] += whole

    @property
    def now(self) -> str:
        """The phase that this rank is in, the innermost; '' between phases."""
        return next(reversed(self._names), "")

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

    def elapsed(self) -> float:
        """Seconds since this clock was made."""
        return time.perf_counter() - self.begun
