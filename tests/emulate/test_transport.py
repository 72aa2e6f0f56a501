"""How sums of cards travel, on the emulated card: MPI reads its memory there as it reads the host's."""

from pathlib import Path

import pytest

from tests.mpi.conftest import mpirun_here  # noqa: F401  (a fixture)

PROGRAM = Path(__file__).parent / "transport_program.py"


@pytest.mark.parametrize("way", ["staged", "aware"])
def test_what_kernels_write_just_before_is_in_the_sum(mpirun_here, emulated, way):  # noqa: F811
    assert "summed on 2 ranks" in mpirun_here(2, [str(PROGRAM), way], **emulated()).stdout
