"""`nanompi doctor` outside Slurm (inside: tests/slurm/test_slurm_doctor.py)."""

import os

import pytest

from nanompi.cli import doctor, main


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """No launcher around, an own folder."""
    for name in [n for n in os.environ if n.startswith(("PMI", "OMPI_", "SLURM_", "HDF5_USE"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_two_ranks_of_its_own_and_what_there_is(alone, tmp_path, capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    rows = {line.split("  ")[0]: line for line in out.splitlines() if line[0] != " "}
    known = "python packages mpi launcher ranks cores device fft kernels slurm".split()
    assert sorted(rows) == sorted([*known, "hdf5 filters", "file locks"])
    assert f"{len(os.sched_getaffinity(0))} of " in rows["cores"] and "128²: " in rows["fft"]
    assert "THREAD_" in rows["mpi"] and "CUDA-aware" in rows["mpi"] and "0 of 2 on" in rows["ranks"]
    assert rows["file locks"].endswith(f"{tmp_path}: yes")


@pytest.mark.parametrize(
    "mpi, words",
    [
        ("MPICH Version: 5.0.2, THREAD_MULTIPLE", "use srun --mpi=pmi2 (in slurm/site.yaml: mpi: pmi2)"),
        ("Open MPI v5.0.6, THREAD_MULTIPLE", "use srun --mpi=pmix"),
        ("", "Python loads no MPI: use another type of srun --mpi=list"),
    ],
)
def test_the_cure_of_a_wrong_srun(mpi, words):
    assert words in doctor.cure(mpi)


def test_a_folder_without_locks(alone, monkeypatch):
    import fcntl

    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert doctor._locks().endswith("no (Function not implemented); export HDF5_USE_FILE_LOCKING=FALSE")
