"""Memory that the ranks of a node share, on one node and as if there were two (see common_program.py)."""

from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "common_program.py"


@pytest.mark.every_mpi
@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 3])
def test_sums_where_the_parts_stand(mpirun, n):
    mpirun(n, PROGRAM)
