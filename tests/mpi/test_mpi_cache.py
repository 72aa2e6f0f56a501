"""Prepared frames that one run has kept serve another on any number of ranks."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.mpi.conftest import mpiexec, variables
from tests.patience import patience

PROGRAM = Path(__file__).parent / "cache_program.py"


@pytest.mark.every_mpi
@pytest.mark.slow
@pytest.mark.parametrize("ranks", [(2, 3), (1, 2), (3, 2), (2, 1)])
def test_a_second_run_on_another_number_of_ranks_reads_no_frame(mpirun, tmp_path, ranks):
    mpirun(ranks[0], PROGRAM, tmp_path, "first")
    mpirun(ranks[1], PROGRAM, tmp_path, "again")


@pytest.mark.slow
def test_a_part_cut_off_is_prepared_again_and_kept(mpirun_here, tmp_path):
    mpirun_here(2, PROGRAM, tmp_path, "first")
    (folder,) = (tmp_path / "kept").iterdir()
    os.truncate(folder / "part-0001", 500)
    mpirun_here(3, PROGRAM, tmp_path, "torn")
    mpirun_here(2, PROGRAM, tmp_path, "again")


@pytest.mark.slow
def test_the_disk_is_full_for_one_rank_and_the_run_goes_on(mpirun_here, tmp_path):
    mpirun_here(3, PROGRAM, tmp_path, "full")


@pytest.mark.slow
def test_two_runs_at_once_do_each_other_no_harm(python, mpirun, tmp_path):
    """Both begin with the scan alone; afterwards a third one finds the frames."""
    mpirun(1, PROGRAM, tmp_path, "first")
    shutil.rmtree(tmp_path / "kept")
    command = [mpiexec(python), "-n", "2", python, str(PROGRAM), str(tmp_path), "beside"]
    runs = [subprocess.Popen(command, env=variables(), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [(run.communicate(timeout=patience(60))[1], run.returncode) for run in runs]
    assert [code for _, code in ends] == [0, 0], ends
    mpirun(3, PROGRAM, tmp_path, "again")
