"""The watchdog of one rank: who is quiet, who only waits, who computes in a step of his own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from nanompi.mpi.team import Team
from nanompi.run.watchdog import Watchdog
from nanompi.timing import Clock
from tests.patience import patience, until


@pytest.fixture
def dog(tmp_path, monkeypatch):
    """(watchdog with a limit of 0.4 s, clock, list of exit codes)"""
    team, clock, ended = Team(alone=True), Clock(), []
    monkeypatch.setattr(team, "abort", ended.append)
    monkeypatch.setattr(
        "nanompi.run.watchdog.threading.Timer", lambda *_: SimpleNamespace(start=lambda: None)
    )
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


def test_zero_never_ends_a_job(dog):
    one, clock, ended = dog
    one.limit = 0
    with one, clock.phase("load"):
        until(lambda: one.quiet > 1.0)
    assert not ended


def test_what_is_watched_changes_and_comes_back(dog, tmp_path):
    """A setting of a sweep has a clock and a limit of its own; an error in it changes nothing of that."""
    one, clock, _ = dog
    other = Clock()
    with pytest.raises(ValueError), one.watching(one.team, other, tmp_path / "b", 7.0):
        assert (one.clock, one.limit, one.folder) == (other, 7.0, tmp_path / "b" / ".waiting")
        raise ValueError
    assert (one.clock, one.limit, one.folder) == (clock, 0.4, tmp_path / ".waiting")


ALONE = """
import ctypes, os, sys, time
from nanompi.timing import Clock
from nanompi.mpi.team import Team
from nanompi.run.watchdog import Watchdog
clock = Clock()
with Watchdog(Team(alone=True), clock, None, float(sys.argv[1])):
    print("begun", flush=True)
    exec(sys.argv[2])
print("whole", flush=True)
"""


def alone(limit: float, text: str) -> subprocess.Popen:
    """A process of one rank that is watched while it does what the text says."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", ALONE, str(limit), text]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=env, start_new_session=True, **pipes)


FROZEN = "ctypes.PyDLL(None).sleep({})"  # no thread of Python can run


@pytest.mark.slow
def test_a_library_that_holds_pythons_lock_for_ever_is_ended():
    process = alone(1.0, FROZEN.format(10_000))
    out, err = process.communicate(timeout=patience(60))
    assert process.returncode == -signal.SIGALRM and out == "begun\n"
    assert 'File "<string>", line 1' in err  # where it stands


@pytest.mark.slow
def test_a_step_of_ones_own_may_hold_pythons_lock():
    process = alone(1.0, f"clock.patient = True; {FROZEN.format(12)}; clock.patient = False")
    out, err = process.communicate(timeout=patience(60))
    assert process.returncode == 0 and out == "begun\nwhole\n", err


@pytest.mark.slow
def test_a_process_that_is_stopped_for_long_goes_on():
    """A scheduler suspends a job for longer than the limit: all timers have run out when it continues."""
    process = alone(2.0, "for _ in range(60): time.sleep(0.1); clock.tick()")
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGSTOP)
    time.sleep(10)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=patience(60))
    assert process.returncode == 0 and out == "whole\n", err
    assert "this process was stopped for " in err and "no progress" not in err
