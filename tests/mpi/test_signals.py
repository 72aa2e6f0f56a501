"""What asks a run to stop, what ends it at once, and what is one wish though it comes twice."""

import signal
import subprocess
import sys

import pytest

from nanompi.mpi import signals
from tests.patience import patience


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


COMPILES = """
import os, signal, sys
from nanompi.mpi.signals import Signals
signals = Signals().install()
text = (
    "def compiled():\\n os.kill(os.getpid(), signal.SIGTERM)\\n sum(range(10**5))\\n"
    " print('lock let go', flush=True)"
)
exec(text, numba := {"__name__": "numba.core.compiler_lock", "os": os, "signal": signal})
numba["compiled"]()
while True:
    sum(range(1000))
"""


def test_a_kernel_is_compiled_to_its_end_before_a_signal_ends_the_rank():
    """An exception in the midst left numba's lock taken: threads that compile waited for ever"""
    done = subprocess.run(
        [sys.executable, "-c", COMPILES], capture_output=True, text=True, timeout=patience(60)
    )
    assert (done.returncode, done.stdout) == (128 + signal.SIGTERM, "lock let go\n")
    assert done.stderr == signals.WAITS.decode()


THREADS = """
import os, signal, time
from concurrent.futures import ThreadPoolExecutor
from nanompi.mpi.signals import Signals
from nanompi.mpi.team import Team
signals, pool = Signals().install(), ThreadPoolExecutor(1)
with Team():
    work = pool.submit(time.sleep, 3600)
    os.kill(os.getpid(), signal.SIGTERM)
    work.result()
"""


def test_threads_that_compile_do_not_hold_up_the_end():
    """Python waits for threads before it ends: minutes, where these compile on a busy machine"""
    done = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, timeout=patience(60)
    )
    assert done.returncode == 128 + signal.SIGTERM and done.stderr.endswith("stopped (SIGTERM)\n"), done


def test_an_end_that_somebody_swallows_is_still_asked_for(came):
    came.gentle = False
    with pytest.raises(SystemExit):
        came.come(signal.SIGTERM)
    assert came.asked == signal.SIGTERM
