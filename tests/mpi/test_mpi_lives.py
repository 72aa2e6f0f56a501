"""A run whose launcher or starter has gone keeps its state and ends; a rank that a signal ended is named."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from nanompi.mpi import mpiexec as launch
from tests.mpi.conftest import mpiexec, variables
from tests.mpi.test_mpi_restart import marked
from tests.patience import patience, until

JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 16, size: 32, photons: 1e5}}
steps:
  - {use: ptycho.prepare, split: stripes}
  - use: ptycho
    probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}
    engines: DM*1000000
    balance: off
run: {device: cpu, checkpoint: 0}
"""
RUN = Path("runs/x/run-0001")
WORDS = ("-m", "nanompi", "run")


class Running:
    """A run without an end, in the current folder; all of its processes bear a mark."""

    def __init__(self, command: list[str]):
        Path("job.yaml").write_text(JOB)
        self.mark = f"{os.getpid()}-{time.monotonic_ns()}"
        # Its lines go to a file: a pipe that nobody reads is full after some thousands of iterations.
        with open("printed", "w") as printed:
            pipes = {"stdout": printed, "stderr": subprocess.PIPE, "text": True}
            own = {"env": variables(NANOMPI_TEST_MARK=self.mark), "stdin": subprocess.DEVNULL}
            self.process = subprocess.Popen(command, start_new_session=True, **own, **pipes)
        until(lambda: '"iteration": ' in self.status() or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.process.communicate()

    def status(self) -> str:
        return (RUN / "status.json").read_text() if (RUN / "status.json").exists() else ""

    def ranks(self) -> dict[int, int]:
        """{rank: its process}"""
        found = {}
        for pid in marked(self.mark):
            words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            rank = [w.split(b"=")[1] for w in words if w.startswith((b"PMI_RANK=", b"OMPI_COMM_WORLD_RANK="))]
            if rank and b"nanompi" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found[int(rank[0])] = pid
        return found

    def gone(self):
        """Wait until nothing of it is left."""
        until(lambda: not marked(self.mark), 120, lambda: f"{marked(self.mark)} live on")


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start a run; what is left of it at the end is killed."""
    monkeypatch.chdir(tmp_path)
    begun = []
    yield lambda *command: begun.append(Running(list(command))) or begun[-1]
    for one in begun:
        for pid in marked(one.mark):
            os.kill(pid, signal.SIGKILL)
        one.process.communicate()


def kept() -> bool:
    """Has the run kept its state and told that it can go on?"""
    return bool(list(RUN.glob("checkpoint-*"))) and '"code": 75' in (RUN / "events.jsonl").read_text()


def test_whoever_started_a_run_is_killed(start, python):
    run = start(python, *WORDS, "-n", "2", "job.yaml")
    run.process.kill()
    run.gone()
    assert kept()


@pytest.mark.every_mpi
@pytest.mark.slow
def test_a_terminal_that_is_closed_asks_a_run_to_stop(start, python):
    run = start(python, *WORDS, "-n", "2", "job.yaml")
    run.process.send_signal(signal.SIGHUP)
    assert run.process.wait(patience(60)) == 75
    run.gone()
    assert kept()


@pytest.mark.every_mpi
@pytest.mark.slow
def test_ctrl_z_halts_nothing(start, python):
    run = start(python, *WORDS, "-n", "2", "job.yaml")
    run.process.send_signal(signal.SIGTSTP)
    before = run.status()
    until(lambda: run.status() != before and "iterating" in run.status())
    run.process.send_signal(signal.SIGINT)
    _, err = run.process.communicate(timeout=patience(60))
    said = (RUN / "events.jsonl").read_text()
    assert "stopped by SIGINT" in said or "SIGINT or" in said  # Open MPI's ranks only know USR2
    assert run.process.returncode == 75 and "Ctrl-Z cannot halt ranks: the run goes on" in err
    run.gone()


@pytest.mark.every_mpi
@pytest.mark.slow
def test_a_run_under_nohup_goes_on(start, python):
    run = start("nohup", python, *WORDS, "-n", "2", "job.yaml")
    for pid in (run.process.pid, *run.ranks().values()):
        os.kill(pid, signal.SIGHUP)
    before = run.status()
    until(lambda: run.status() != before and "iterating" in run.status())
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(patience(60)) == 75
    run.gone()


def test_ranks_whose_launcher_has_gone_end(start, python):
    """kill -9 of the process that started the ranks: MPICH's proxy, Open MPI's mpirun"""
    launcher = mpiexec(python)
    run = start(launcher, "-n", "2", python, *WORDS, "job.yaml")
    for pid in {parent(rank) for rank in run.ranks().values()}:
        os.kill(pid, signal.SIGKILL)
    run.gone()
    ours = "Open MPI" not in launch.output([launcher, "--version"])
    assert kept() or not ours  # Open MPI ends them itself, mostly before they have kept their state


def parent(pid: int) -> int:
    """The process that started another."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.every_mpi
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_a_rank_that_a_signal_ends_is_named(start, python, number):
    run = start(python, *WORDS, "-n", "2", "job.yaml")
    os.kill(pid := run.ranks()[1], number)
    _, err = run.process.communicate(timeout=patience(60))
    assert run.process.returncode == 128 + number
    assert f"nanompi: rank 1 (process {pid} on " in err and f"was ended by signal {number:d} (SIG" in err
    run.gone()
