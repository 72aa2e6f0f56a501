"""Phases that nest, what they hold together, and the time before the clock."""

import time
from types import SimpleNamespace

from nanompi.timing import Clock, age


def test_inner_phases_are_not_counted_twice_and_the_outermost_knows_the_whole(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("nanompi.timing.time", SimpleNamespace(perf_counter=lambda: now[0]))
    clock = Clock(begun=100.0)
    with clock.phase("iterate"):
        now[0] += 2
        with clock.phase("combine"):
            now[0] += 0.5
            with clock.phase("wait"):
                now[0] += 3
                assert clock.now == "combine"  # who waits is still in the phase that made it wait
    assert clock.seconds == {"iterate": 2, "combine": 0.5, "wait": 3} and clock.whole == {"iterate": 5.5}
    assert clock.elapsed() == 5.5


def test_bytes_of_sums_are_known_for_each_outermost_phase():
    clock = Clock()
    with clock.phase("iterate"), clock.phase("combine"):
        clock.give(100)
    with clock.phase("quality"):
        clock.give(8)
    clock.count("load", 7)
    assert clock.sent == {"iterate": 100, "quality": 8} and clock.bytes == {"combine": 108, "load": 7}


def test_a_clock_since_the_start_of_the_process():
    begun, before = time.monotonic(), age()
    clock = Clock.since_start()
    assert 0 < before <= clock.seconds["start-up"] + 0.02 and clock.elapsed() >= clock.seconds["start-up"]
    time.sleep(0.05)
    grown, passed = age() - before, time.monotonic() - begun
    assert 0.03 <= grown <= passed + 0.02
