"""Block steps give the same bits on any number of ranks (the checks stand in walk_program.py)."""

from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "walk_program.py"


@pytest.mark.slow
def test_one_two_three_and_twelve_ranks_give_the_same_bits(mpirun, tmp_path):
    """Results of items and sums of floats over twelve decades; twelve ranks are more than there are items."""
    for n in (1, 2, 3, 12):
        mpirun(n, PROGRAM, "right", tmp_path)
    with np.load(tmp_path / "1.npz") as file:
        first = dict(file)
    assert len(first) == 4 * 5 + 4 * 4
    for n in (2, 3, 12):
        with np.load(tmp_path / f"{n}.npz") as file:
            other = dict(file)
        assert {k: (v.dtype, v.shape, v.tobytes()) for k, v in first.items()} == {
            k: (v.dtype, v.shape, v.tobytes()) for k, v in other.items()
        }


@pytest.mark.every_mpi
@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_every_pair_of_axes_is_redistributed(mpirun, tmp_path, n):
    mpirun(n, PROGRAM, "moved", tmp_path)


@pytest.mark.parametrize("n", [1, 3])
def test_less_items_than_ranks(mpirun, tmp_path, n):
    mpirun(n, PROGRAM, "few", tmp_path)


def test_a_step_that_fails_on_one_rank_ends_all(mpirun, tmp_path):
    done = mpirun(2, PROGRAM, "fail", tmp_path, code=1, seconds=20)
    assert "ZeroDivisionError" in done.stderr and "rank 1" in done.stderr


@pytest.mark.parametrize("n", [1, 2, 3])
def test_data_of_all_ranks_in_one_file(mpirun, tmp_path, n):
    mpirun(n, PROGRAM, "written", tmp_path)


@pytest.mark.slow
def test_the_file_needs_no_memory_for_all(mpirun, tmp_path):
    mpirun(3, PROGRAM, "large", tmp_path)
