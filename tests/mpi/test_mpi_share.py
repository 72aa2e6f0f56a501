"""Regions of the object on each rank, and the bands between them, against the whole object on every rank."""

from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "share_program.py"


@pytest.mark.parametrize("n", [2, 3, 4])
def test_both_ways_give_the_same(mpirun, n):
    assert f"shared by {n} ranks" in mpirun(n, PROGRAM).stdout
