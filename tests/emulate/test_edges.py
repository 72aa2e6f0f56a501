"""Edges of regions on cards: the exchange without the ranks' own words for it, to the bit."""

from pathlib import Path

import pytest

from tests.mpi.conftest import mpirun_here  # noqa: F401  (a fixture)

PROGRAM = Path(__file__).parent / "edges_program.py"


@pytest.mark.parametrize("streams", ["lazy", pytest.param("eager", marks=pytest.mark.slow)])
@pytest.mark.parametrize("n", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_shares_are_added_in_the_order_of_the_ranks(mpirun_here, emulated, n, streams):  # noqa: F811
    assert f"added up by {n} ranks" in mpirun_here(n, PROGRAM, **emulated(STREAMS=streams)).stdout
