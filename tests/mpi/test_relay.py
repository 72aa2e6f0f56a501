"""What mpiexec prints is passed on; in it stands which rank was ended by a signal; the exit code says so."""

import os
import signal
import sys
from types import SimpleNamespace

import pytest

from nanompi.errors import ResourceError
from nanompi.mpi import mpiexec
from nanompi.mpi.launcher import announce, announce_end
from nanompi.mpi.relay import Relay
from tests.patience import patience, until

MPICH = b"""
===================================================================================
=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES
=   PID 9321 RUNNING AT vm
=   EXIT CODE: NUMBER
=   CLEANING UP REMAINING PROCESSES
===================================================================================
YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal NUMBER)
"""
OPEN_MPI = b"""
prterun noticed that process rank 1 with PID 9321 on node vm exited on
signal NUMBER (Killed).
"""
INTEL = b"""
=   RANK 1 PID 9321 RUNNING AT vm
=   KILLED BY SIGNAL: NUMBER (Killed)
"""


def heard(out: bytes, err: bytes = b"") -> Relay:
    """A relay after mpiexec has printed this."""
    relay = Relay()
    ends = [os.dup(end) for end in relay.ends]
    relay.start()
    for end, text in zip(ends, (out, err)):
        for k in range(0, len(text), 7):  # in pieces, as pipes give them
            os.write(end, text[k : k + 7])
        os.close(end)
    relay.finish(patience(10))
    return relay


def told(rank: int, pid: int) -> bytes:
    """What a rank tells of itself on stderr."""
    read, write = os.pipe()
    kept = os.dup(2)
    os.dup2(write, 2)
    try:
        announce(rank, {"NANOMPI_RELAY": "1"})
    finally:
        os.dup2(kept, 2)
    return os.read(read, 1000).replace(str(os.getpid()).encode(), str(pid).encode())


def test_all_is_passed_on_but_what_ranks_tell_of_themselves(capfdbinary):
    mark = told(3, 77)
    assert mark.startswith(b"\x1erank 3 process 77 on ")
    heard(b"a\r\nb", b"one\n" + mark + b"two")
    assert capfdbinary.readouterr() == (b"a\r\nb", b"one\ntwo")
    announce(0, {})
    assert capfdbinary.readouterr() == (b"", b"")


@pytest.mark.parametrize("text", [MPICH, OPEN_MPI, INTEL], ids=["MPICH", "Open MPI", "Intel MPI"])
@pytest.mark.parametrize("number, mine", [(6, "SIGABRT"), (7, "SIGBUS"), (9, "SIGKILL"), (11, "SIGSEGV")])
def test_a_rank_that_a_signal_ended_is_named_and_the_code_is_128_and_its_number(text, number, mine, capfd):
    mark = told(1, 9321).replace(os.uname().nodename.encode(), b"vm")
    relay = heard(text.replace(b"NUMBER", b"%d" % number), mark)
    capfd.readouterr()
    code = 128 + number if text is OPEN_MPI else number
    assert mpiexec.ended(code, [], relay) == 128 + number
    assert (
        f"nanompi: rank 1 (process 9321 on vm) was ended by signal {number} ({mine})\n"
        in capfd.readouterr().err
    )


NOBODY = SimpleNamespace(ended=lambda: (0, ""))


@pytest.mark.parametrize(
    "code, came, want",
    [(c, [], c) for c in (0, 1, 2, 3, 4, 5, 6, 7, 75, 143)]
    + [(9, [], 137), (11, [], 139), (-9, [], 137), (255, [], 4)]
    + [(1, [signal.SIGHUP], 129), (75, [signal.SIGHUP], 75), (0, [signal.SIGTERM], 0)],
)
def test_other_codes_are_passed_on(code, came, want, capfd):
    assert mpiexec.ended(code, came, NOBODY) == want
    assert bool(capfd.readouterr().err) == (code in (9, 11, -9, 255))


def test_a_rank_that_its_watchdog_ended_is_code_4(capfd):
    relay = SimpleNamespace(ended=lambda: (14, "rank 0"))
    assert mpiexec.ended(14, [], relay) == ResourceError.code
    assert "run.watchdog" in capfd.readouterr().err


BOUND = """
import os, subprocess, sys, time
from nanompi.mpi.children import bound
child = subprocess.Popen(bound(["sleep", "1000"], 15))
print(child.pid, flush=True)
time.sleep(1000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells a child of the end of its parent")
def test_a_bound_child_ends_with_its_parent():
    import subprocess

    parent = subprocess.Popen([sys.executable, "-c", BOUND], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    until(lambda: b"sleep" in open(f"/proc/{child}/cmdline", "rb").read()[:6])
    parent.kill()
    parent.wait()
    until(lambda: not os.path.exists(f"/proc/{child}") or " Z " in open(f"/proc/{child}/stat").read())


def test_a_rank_that_ends_without_a_word_is_no_success(capfd):
    """os._exit(0) in a step or library: mpiexec says 0, and there is no result"""
    read, write = os.pipe()
    announce_end(write)
    end = os.read(read, 1000)
    both = told(0, 77) + told(1, 78)
    assert mpiexec._whole(heard(b"", both + end + end)) == 0
    assert capfd.readouterr().err == ""
    assert mpiexec._whole(heard(b"", both + end)) == 1
    assert "a rank ended in the midst of the run without a word" in capfd.readouterr().err
    assert mpiexec._whole(heard(b"")) == 0
