"""Programs under a real mpirun: the fixture `mpirun(n, program, *arguments)`."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def start(
    n: int, program, *arguments, code: int = 0, seconds: float = 60, **environ
) -> subprocess.CompletedProcess:
    """Run a python file (a Path) or python text under n ranks; the test fails with its output on another
    exit code.

    The mpiexec beside this python is taken, else the one on the PATH. environ: further environment variables.
    """
    mpiexec = Path(sys.executable).parent / "mpiexec"
    mpiexec = str(mpiexec) if mpiexec.exists() else shutil.which("mpiexec")
    assert mpiexec, 'no mpiexec: pip install "nanompi[mpi]"'
    what = [str(program)] if isinstance(program, Path) else ["-c", textwrap.dedent(program)]
    command = [mpiexec, "-n", str(n), sys.executable, *what, *map(str, arguments)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=_environment(environ)
        )
    except subprocess.TimeoutExpired as e:
        pytest.fail(f"{n} ranks hang: not done after {seconds} s\n{e.stdout or ''}\n{e.stderr or ''}")
    if done.returncode != code:
        pytest.fail(f"{n} ranks ended with {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
    return done


def _environment(more):
    """Variables of a test run: this checkout, one thread, and leave for Open MPI to run as root on few
    cores."""
    allow = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    allow["PRTE_MCA_rmaps_default_mapping_policy"] = ":oversubscribe"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, **allow, **threads, "PYTHONPATH": path, **more}


@pytest.fixture
def mpirun():
    return start
