"""`ptycho.prepare` does not depend on the number of ranks (the checks stand in prepare_program.py)."""

from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "prepare_program.py"


@pytest.mark.every_mpi
@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_same_frames_on_any_number_of_ranks(mpirun, n):
    mpirun(n, PROGRAM)


def test_a_missing_file_is_said_once(mpirun):
    done = mpirun(3, PROGRAM, "missing", code=3, seconds=20)
    assert done.stderr.count("nowhere.npy does not exist") == 1 and "Traceback" not in done.stderr
