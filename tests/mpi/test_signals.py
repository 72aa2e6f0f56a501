"""What asks a run to stop, what ends it at once, and what is one wish though it comes twice."""

import signal
import subprocess
import sys

import pytest

from nanompi.mpi import signals


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when the test says so"""
    now = [100.0]
    monkeypatch.setattr(signals.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def came(clock):
    out = signals.Signals()
    out.gentle = True
    return out


def test_a_wish_that_comes_twice_at_once_is_one(came, clock):
    """The kernel tells of the end of a starter's main thread and of its end as a whole"""
    came.come(signal.SIGTERM)
    clock[0] += 0.3
    came.come(signal.SIGTERM)
    assert came.asked == signal.SIGTERM


@pytest.mark.parametrize("second", signals.ENDS)
def test_the_second_wish_ends_at_once(came, clock, second):
    came.come(signal.SIGTERM)
    clock[0] += 1.5
    with pytest.raises(SystemExit) as end:
        came.come(second)
    assert end.value.code == 128 + (signal.SIGTERM if second == signal.SIGUSR2 else second)


def test_the_first_ends_at_once_where_nothing_can_be_kept(came):
    """... and the one that comes with it does not disturb the end"""
    came.gentle = False
    with pytest.raises(SystemExit) as end:
        came.come(signal.SIGINT)
    assert end.value.code == 128 + signal.SIGINT
    came.come(signal.SIGTERM)


def test_usr1_never_ends(came):
    for _ in range(3):
        came.come(signal.SIGUSR1)
    came.come(signal.SIGTERM)
    assert came.asked == signal.SIGTERM


LATE = """
import os, signal, sys
from nanompi.mpi.signals import Signals
class Late:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
late, signals = Late(), Signals().install()
signals.gentle = True
if sys.argv[1] == "asked":
    os.kill(os.getpid(), signal.SIGTERM)
sys.exit(75)
"""


@pytest.mark.parametrize("asked, code", [("asked", 75), ("not asked", -signal.SIGTERM)])
def test_a_wish_that_comes_again_while_python_ends_does_not_change_the_code(asked, code):
    """`Late` is deleted when Python has given up its signals already"""
    assert subprocess.run([sys.executable, "-c", LATE, asked]).returncode == code
