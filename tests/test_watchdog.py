"""The watchdog of one rank: who is quiet, who only waits, who computes in a step of his own."""

import time
from types import SimpleNamespace

import pytest

from nanompi.clock import Clock
from nanompi.team import Team
from nanompi.watchdog import Watchdog
from tests.patience import until


@pytest.fixture
def dog(tmp_path, monkeypatch):
    """(watchdog with a limit of 0.4 s, clock, list of exit codes)"""
    team, clock, ended = Team(alone=True), Clock(), []
    monkeypatch.setattr(team, "abort", ended.append)
    monkeypatch.setattr("nanompi.watchdog.threading.Timer", lambda *_: SimpleNamespace(start=lambda: None))
    return Watchdog(team, clock, tmp_path, 0.4), clock, ended


def test_a_quiet_rank_ends_the_job_with_4(dog, capfd):
    one, clock, ended = dog
    with one, clock.phase("load"):
        until(lambda: ended)
    assert ended[0] == 4
    assert "no progress for 0 s in phase load; the job is ended" in capfd.readouterr().err


def test_work_that_ticks_is_left_alone(dog):
    one, clock, ended = dog
    one.limit = 1.0
    with one:
        for _ in range(100):
            time.sleep(0.02)
            clock.tick()
    assert not ended


def test_a_step_of_ones_own_may_compute_as_long_as_it_likes(dog):
    one, clock, ended = dog
    clock.patient = True
    with one:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            sum(range(1000))
        assert not ended
        until(lambda: ended)


def test_a_rank_that_waits_is_patient_for_longer_and_leaves_a_mark(dog, tmp_path):
    one, _, ended = dog
    one.limit, one.grace, one.step = 0.6, 5.0, 0.05
    with one, one.team.waits("sum"):
        until((tmp_path / ".waiting" / "0").exists)
        assert not ended
    assert not (tmp_path / ".waiting").exists()


def test_zero_is_off(tmp_path):
    with Watchdog(Team(alone=True), Clock(), tmp_path, 0) as one:
        assert not one.thread.is_alive()
