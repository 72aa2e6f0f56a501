"""The verbs of the team on 1, 2 and 3 ranks (the checks stand in team_program.py)."""

from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "team_program.py"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_verb(mpirun, n):
    mpirun(n, PROGRAM, n)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_an_error_of_rank_0_is_told_once_and_ends_all_with_its_code(mpirun, n):
    done = mpirun(n, PROGRAM, n, "fail", code=3, seconds=20)
    assert done.stderr.count("nanompi: no such scan\n") == 1 and "Traceback" not in done.stderr
    assert "MPI_ABORT" not in done.stderr.upper()  # they all end by themselves
