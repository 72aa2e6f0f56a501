"""Phases that nest, what they hold together, and the time before the clock."""

import time

import pytest

from nanompi.clock import Clock, age


def test_inner_phases_are_not_counted_twice_and_the_outermost_knows_the_whole():
    clock = Clock()
    with clock.phase("iterate"):
        time.sleep(0.02)
        with clock.phase("combine"), clock.phase("wait"):
            time.sleep(0.03)
            assert clock.now == "combine"  # who waits is still in the phase that made it wait
    assert clock.seconds["iterate"] == pytest.approx(0.02, abs=0.015)
    assert clock.seconds["wait"] == pytest.approx(0.03, abs=0.015) and clock.seconds["combine"] < 0.01
    assert clock.whole == {"iterate": pytest.approx(sum(clock.seconds.values()))}


def test_bytes_of_sums_are_known_for_each_outermost_phase():
    clock = Clock()
    with clock.phase("iterate"), clock.phase("combine"):
        clock.count("combine", 100)
    with clock.phase("quality"):
        clock.count("combine", 8)
    clock.count("load", 7)
    assert clock.sent == {"iterate": 100, "quality": 8} and clock.bytes == {"combine": 108, "load": 7}


def test_a_clock_since_the_start_of_the_process():
    before = age()
    clock = Clock.since_start()
    assert 0 < before <= clock.seconds["start-up"] + 0.02 and clock.elapsed() >= clock.seconds["start-up"]
    time.sleep(0.05)
    assert age() - before == pytest.approx(0.05, abs=0.04)
