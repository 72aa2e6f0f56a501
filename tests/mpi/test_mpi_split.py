"""Frames reach their ranks whichever way they go (the checks stand in split_program.py)."""

from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "split_program.py"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_scatter_and_read_give_the_frames_themselves(mpirun, n):
    mpirun(n, PROGRAM, "main")


@pytest.mark.parametrize("n", [2, 3])
def test_auto_scatters_where_one_rank_cannot_open_the_file(mpirun, n):
    mpirun(n, PROGRAM, "fall_back")


@pytest.mark.parametrize("n", [2, 3])
def test_scatter_never_holds_all_frames(mpirun, n):
    mpirun(n, PROGRAM, "memory")


def test_an_error_on_one_rank_ends_all_with_its_message_and_code(mpirun):
    done = mpirun(2, PROGRAM, "fail", code=3, seconds=10)
    assert "frame 7 cannot be read" in done.stderr


@pytest.mark.every_mpi
@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3])
def test_chunks_of_the_file_are_forwarded_to_ranks_that_cannot_open_it(mpirun, n, tmp_path):
    mpirun(n, PROGRAM, "forwarded", tmp_path)


def test_a_damaged_chunk_is_named_by_the_rank_that_decompresses_it(mpirun, tmp_path):
    done = mpirun(2, PROGRAM, "damaged", tmp_path, code=3, seconds=10)
    assert "rank 1" in done.stderr and "bitshuffle.h5: data: frames 56 to 62 cannot be read" in done.stderr


def test_what_must_be_read_whole_is_read_by_rank_0_alone(mpirun):
    mpirun(2, PROGRAM, "whole")
