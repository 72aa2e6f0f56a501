"""Frames reach their ranks whichever way they go (the checks stand in split_program.py)."""

from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "split_program.py"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_scatter_and_read_give_the_frames_themselves(mpirun, n):
    mpirun(n, PROGRAM, "main")


@pytest.mark.parametrize("n", [2, 3])
def test_auto_scatters_where_one_rank_cannot_open_the_file(mpirun, n):
    mpirun(n, PROGRAM, "auto")


@pytest.mark.parametrize("n", [2, 3])
def test_scatter_never_holds_all_frames(mpirun, n):
    mpirun(n, PROGRAM, "memory")


def test_an_error_on_one_rank_ends_all_with_its_message_and_code(mpirun):
    done = mpirun(2, PROGRAM, "fail", code=3, seconds=10)
    assert "frame 7 cannot be read" in done.stderr
