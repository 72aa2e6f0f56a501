"""Ranks that do not know each other are refused; one rank needs no MPI; exit codes reach the shell."""

import subprocess

import pytest

from tests.mpi.conftest import PYTHONS, mpiexec, variables
from tests.patience import patience

JOB = """
nanompi: 1
input:
  simulate: {frames: 16, size: 32, photons: 1e5}
steps:
  - {use: ptycho.prepare, split: stripes}
  - use: ptycho
    engines: DM*2
"""
REFUSED = "The mpirun or srun in use belongs to another MPI than the one that Python loads"


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path / "job.yaml"


def nanompi(python, *argv, **environ):
    """`python -m nanompi ARGV` outside mpirun."""
    command = [python, "-m", "nanompi", *map(str, argv)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=patience(60),
        env=variables(**environ),
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("name", ["PMI_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_a_lone_process_of_many_is_refused(python, job, name):
    done = nanompi(python, "run", job, **{name: "2"})
    assert (
        done.returncode == 4 and "the launcher started 2 processes" in done.stderr and REFUSED in done.stderr
    )
    assert "Traceback" not in done.stderr and not (job.parent / "runs").exists()


@pytest.mark.parametrize("other", PYTHONS[1:])
@pytest.mark.parametrize("turn", [1, -1], ids=["the other mpiexec", "the other python"])
def test_ranks_under_the_mpiexec_of_another_mpi_are_refused(job, other, turn):
    python, launcher = (PYTHONS[0], other)[::turn]
    command = [mpiexec(launcher), "-n", "2", python, "-m", "nanompi", "run", str(job)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience(60), env=variables())
    assert done.returncode == 4 and REFUSED in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not (job.parent / "runs").exists()


@pytest.mark.every_mpi
@pytest.mark.slow
def test_one_rank_works_without_an_mpi_library_and_more_are_refused(python, job):
    missing = {"MPI4PY_LIBMPI": "/nonexistent/libmpi.so"}
    done = nanompi(python, "run", job, **missing)
    assert done.returncode == 0 and "1 rank, MPI: none (one rank)" in done.stdout, done.stderr
    done = nanompi(python, "run", "-n", "2", job, **missing)
    assert (
        done.returncode == 4
        and 'pip install "nanompi[mpi]"' in done.stderr
        and "Traceback" not in done.stderr
    )
    assert len(list((job.parent / "runs/job").glob("run-*"))) == 1


ENDS = [  # exit code, edit of the job, where something is said, and what
    (0, "name=x", "stdout", "x/run-0001/result.h5\n"),
    (2, "run.threads=0", "stderr", "run.threads: 0 does not fit here"),
    (3, "input.file=nowhere.cxi", "stderr", "input.file: no such file"),
]


@pytest.mark.every_mpi
@pytest.mark.slow
@pytest.mark.parametrize("code, edit, where, what", ENDS, ids=["done", "wrong job", "wrong data"])
def test_n_passes_the_exit_code_on(python, job, code, edit, where, what):
    done = nanompi(python, "run", "-n", "3", job, "--set", edit)
    assert done.returncode == code and getattr(done, where).count(what) == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("code, edit, where, what", ENDS[1:], ids=["wrong job", "wrong data"])
def test_so_does_mpirun(mpirun, job, code, edit, where, what):
    done = mpirun(4, ["-m", "nanompi", "run", job, "--set", edit], code=code)
    assert getattr(done, where).count(what) == 1 and "Traceback" not in done.stderr, done.stderr
