"""Edges of regions on cards: the exchange without the ranks' own words for it, to the bit."""

from pathlib import Path

import pytest

from tests.mpi.conftest import mpirun_here  # noqa: F401  (a fixture)

PROGRAM = Path(__file__).parent / "edges_program.py"


CASES = {
    "staged": ("staged", {}, ""),
    "eager": ("staged", {"STREAMS": "eager"}, ""),
    "nccl": ("nccl", {"NCCL": "works"}, "; from card to card by NCCL"),
}


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("case", ["staged", "nccl", "eager"])
def test_shares_are_added_in_the_order_of_the_ranks(mpirun_here, emulated, n, case):  # noqa: F811
    transport, how, about = CASES[case]
    said = mpirun_here(n, [str(PROGRAM), transport], **emulated(CARDS=n, **how)).stdout
    assert said == f"added up by {n} ranks{about}\n"
