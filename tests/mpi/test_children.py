"""Modules that lie in the working folder are not executed by the program or by what it starts."""

import os
import subprocess
import sys

import pytest

from nanompi.cluster import measure
from nanompi.mpi.children import python
from nanompi.mpi.mpiexec import environment, mpiexec
from tests.patience import patience

TRAPS = ("numpy", "yaml", "h5py", "mpi4py", "argparse", "cupy", "hdf5plugin", "numba")


@pytest.fixture
def trapped(tmp_path):
    """A folder with modules that leave a file when they are imported."""
    for name in TRAPS:
        (tmp_path / f"{name}.py").write_text("open('executed', 'w').close()\n")
    (tmp_path / "j.yaml").write_text(
        "nanompi: 1\ninput: {simulate: {frames: 9, size: 16}}\nsteps: [ptycho]\n"
    )
    return tmp_path


def done(command, folder):
    """The exit code of a command in a folder."""
    own = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=patience(120))


def test_the_traps_work(trapped):
    done([sys.executable, "-c", "import cupy, yaml"], trapped)
    assert (trapped / "executed").exists()


def test_a_child_does_not_import_from_the_working_folder(trapped):
    done(python("-c", "import cupy"), trapped)  # may be missing
    assert done(python("-c", "import numpy, yaml; print(numpy.pi)"), trapped).stdout.startswith("3.14")
    assert not (trapped / "executed").exists()


def test_python_m_nanompi_does_not(trapped):
    said = done([sys.executable, "-m", "nanompi", "check", "j.yaml"], trapped)
    assert said.returncode == 0, said.stderr
    assert not (trapped / "executed").exists()


def test_ranks_do_not(trapped):
    command = measure.command(mpiexec(), 2, ["j.yaml", "--set", "nonsense=1"])
    said = subprocess.run(command, cwd=trapped, env=environment(), capture_output=True, timeout=patience(120))
    assert said.returncode == 2 and b"nonsense" in said.stderr and not (trapped / "executed").exists()
