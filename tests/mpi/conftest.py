"""Programs under a real mpirun: the fixture `mpirun(n, program, *arguments)`.

Every quick test that uses it runs with this python, and with each python of another virtual environment in
NANOMPI_PYTHONS (separated as in PATH), so that the other MPI wheel is tried too; of the slow ones those that
are marked `every_mpi`: what they ask of an MPI library is not asked by a quick one.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from functools import partial
from pathlib import Path

import pytest

from nanompi.mpi.mpiexec import environment
from tests.mpi import warm
from tests.patience import patience

ROOT = Path(__file__).parents[2]
SESSIONS = tempfile.TemporaryDirectory(prefix="mpi")
PYTHONS = [sys.executable, *filter(None, os.environ.get("NANOMPI_PYTHONS", "").split(os.pathsep))]


def start(
    n: int, program, *arguments, code=0, seconds: float = 60, python: str = sys.executable, **environ
) -> subprocess.CompletedProcess:
    """Run a python file (a Path), python text, or the words of a list after `python`, under n ranks; the test
    fails with its output on another exit code.

    The mpiexec beside the python is taken, else the one on the PATH. code: the exit code expected, None for
    any but 0. environ: further environment variables.
    """
    python_of_rank = warm.rank(python, environ)
    command = [mpiexec(python), "-n", str(n), *python_of_rank, *_words(program), *map(str, arguments)]
    try:
        own = {"env": variables(**environ), "stdin": subprocess.DEVNULL}
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience(seconds), **own)
    except subprocess.TimeoutExpired as e:
        pytest.fail(
            f"{n} ranks hang: not done after {patience(seconds):.0f} s\n{e.stdout or ''}\n{e.stderr or ''}"
        )
    if done.returncode != code and (code is not None or done.returncode == 0):
        pytest.fail(f"{n} ranks ended with {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
    return done


def _words(program) -> list[str]:
    if isinstance(program, list):
        return program
    return [str(program)] if isinstance(program, Path) else ["-c", textwrap.dedent(program)]


def mpiexec(python: str) -> str:
    """The mpiexec that belongs to a python."""
    beside = Path(python).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    assert found, 'no mpiexec: pip install "nanompi[mpi]"'
    return found


def variables(**more) -> dict[str, str]:
    """Environment of a test run: this checkout, one thread, and leave for more ranks than cores.

    The mpirun of Open MPI names its folder of sockets by its pid, and cannot start where one that was killed
    has left a folder of that name: each gets a place of its own.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    place = {"PRTE_MCA_prte_local_tmpdir_base": tempfile.mkdtemp(dir=SESSIONS.name)}
    return {**environment(), **threads, **place, "PYTHONPATH": path, **more}


@pytest.fixture(scope="session", params=PYTHONS, ids=lambda path: Path(path).parents[1].name)
def python(request) -> str:
    """The python of a test."""
    return request.param


def pytest_collection_modifyitems(config, items):
    """Slow tests that are not marked are left to the first python."""
    left = {one for one in items if _of_another_mpi(one) and _one_is_enough(one)}
    config.hook.pytest_deselected(items=list(left))
    items[:] = [one for one in items if one not in left]


def _of_another_mpi(item) -> bool:
    return hasattr(item, "callspec") and item.callspec.params.get("python", PYTHONS[0]) != PYTHONS[0]


def _one_is_enough(item) -> bool:
    return bool(item.get_closest_marker("slow")) and not item.get_closest_marker("every_mpi")


@pytest.fixture(scope="session")
def mpirun(python):
    return partial(start, python=python)


@pytest.fixture(scope="session")
def mpirun_here():
    """The same with the MPI of this python alone, for what does not depend on the MPI library."""
    return start
