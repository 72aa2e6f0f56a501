"""The fixture `slurm`: a cluster of four nodes for the whole session, and what a user does with it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mpi import warm
from tests.patience import patience, until
from tests.slurm.cluster import Cluster, missing, processes

ROOT = Path(__file__).parents[2]
JOB = """\
nanompi: 1
name: small
input: {simulate: {frames: 9, size: 32}}
steps:
  - {use: ptycho.prepare, split: stripes}
  - {use: ptycho, engines: DM*4, probe: {start: aperture, aperture: 200um, focal: 500mm}}
run: {threads: 1}
"""
OVER = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED")


class User:
    """Somebody at the login node, in an own folder with job.yaml.

    folder : the folder; environ : what the shell has beside the usual; cluster : the Slurm
    """

    def __init__(self, cluster: Cluster, folder: Path, path: str):
        self.cluster, self.folder = cluster, folder
        threads = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
        self.environ = {**os.environ, **cluster.environ, **threads, "PATH": path}
        (folder / "job.yaml").write_text(JOB)

    def shell(self, text: str, code: int | None = 0, seconds: float = 60) -> str:
        """What a line in the shell prints (both streams); the test fails on another exit code."""
        own = {"cwd": self.folder, "env": self.environ, "stdin": subprocess.DEVNULL}
        own |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run(["bash", "-c", text], timeout=patience(seconds), **own)
        assert code in (done.returncode, None), f"{text}\nended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def sbatch(self, words: str) -> int:
        """Number of a job that was submitted."""
        return int(self.shell(f"sbatch --parsable {words}"))

    def facts(self, job) -> dict[str, str]:
        """What `scontrol show job` knows: JobState, ExitCode, NodeList, Restarts ..."""
        said = self.shell(f"scontrol --oneliner show job {job}")
        return dict(re.findall(r"(\S+?)=(\S*)", said))

    def ended(self, job, seconds: float = 60) -> tuple[str, str]:
        """(JobState, ExitCode "code:signal") of a job that has ended."""
        facts = self.until(lambda: (f := self.facts(job)) and f["JobState"] in OVER and f, seconds)
        return facts["JobState"], facts["ExitCode"]

    def until(self, true, seconds: float = 30):
        """Wait until `true()`; its answer."""
        return until(true, seconds, self.logs)

    def logs(self) -> str:
        """The logs of the jobs."""
        found = [*self.folder.glob("*.log"), *self.folder.glob("runs/*/*/slurm-*.log")]
        return "\n".join(f"--- {p.name}\n{p.read_text()}" for p in found)

    def left(self, job) -> list[int]:
        """Ids of the processes of a job, on any node."""
        return processes(self.cluster.mark, f"SLURM_JOB_ID={job}")


@pytest.fixture(scope="session")
def cluster():
    """Four nodes."""
    if why := missing():
        pytest.skip(f"no Slurm: {why}")
    with Cluster() as up:
        yield up


@pytest.fixture(scope="session")
def path(tmp_path_factory) -> str:
    """PATH with the nanompi of this checkout, run in children of a Python that is warm."""
    return path_of(warm.command(tmp_path_factory.mktemp("warm") / "bin"))


@pytest.fixture(scope="session")
def whole_path(tmp_path_factory) -> str:
    """PATH with the nanompi of this checkout, each a process of its own."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "nanompi"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT}:$PYTHONPATH exec {sys.executable} -m nanompi "$@"\n')
    program.chmod(0o755)
    return path_of(folder)


def path_of(folder: Path) -> str:
    return f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.fixture
def installed(slurm, whole_path):
    """The processes of nanompi are Slurm's own: as users have it, and as what signals, counts or kills them
    needs it."""
    slurm.environ["PATH"] = whole_path


@pytest.fixture
def slurm(cluster, path, tmp_path) -> User:
    """A user of the cluster; afterwards no job and no process is left."""
    user = User(cluster, tmp_path, path)
    yield user
    user.shell("scancel --user=root; scancel --user=root --signal=KILL; true")
    user.until(lambda: not cluster.command("squeue", "-h"), 20)
    user.until(lambda: cluster.idle() == 4, 20)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """All tests of this folder are slow: they wait for Slurm, not for a core."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.slow)
