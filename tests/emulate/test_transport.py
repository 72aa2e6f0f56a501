"""How sums of cards travel, on the emulated card: MPI reads its memory there as it reads the host's."""

from pathlib import Path

import pytest

from tests.emulate.fake.use import fake_cupy
from tests.mpi.conftest import mpirun_here  # noqa: F401  (a fixture)

PROGRAM = Path(__file__).parent / "transport_program.py"
HOST = "through the host's memory, shared within a node"
MPI = "by MPI from the memory of the cards"
BLIND = "ranks of a node see different cards (sbatch --gpus-per-node shows all to each)"

# wanted, what the stand-in does: how the sums travel, and why not otherwise
CASES = {
    "staged": ("staged", {}, HOST),
    "mpi": ("mpi", {}, MPI),
    "nccl": ("auto", {"NCCL": "works"}, "by NCCL"),
    "a card for two": ("auto", {"NCCL": "works", "CARDS": 1}, f"{MPI} (nccl: ranks share a card)"),
    "nccl that never starts": ("nccl 1", {"NCCL": "hangs"}, f"{HOST} (nccl: it did not start within 1 s)"),
    "nccl that fails": (
        "nccl",
        {"NCCL": "fails"},
        f"{HOST} (nccl: NCCL_ERROR_SYSTEM_ERROR: unhandled system error)",
    ),
    "exclusive mode": ("auto", {"NCCL": "works", "MODE": 3}, "by NCCL"),
    "exclusive, no nccl": (
        "mpi",
        {"MODE": 3},
        f"{HOST} (mpi: a card in exclusive mode lets no other process try it)",
    ),
    "own card alone": ("mpi", {"MINE": 1}, f"{HOST} (mpi: {BLIND})"),
    "mpi that knows no card": ("mpi", {"AWARE": 0}, f"{HOST} (mpi: its test ended with SIGSEGV)"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_what_kernels_write_just_before_is_in_the_sum(mpirun_here, emulated, case):  # noqa: F811
    wanted, how, about = CASES[case]
    mine = {"MINE": "1"} if "MINE" in how else {}
    environ = emulated(**{"CARDS": 2} | {k: v for k, v in how.items() if k != "MINE"}) | mine
    said = mpirun_here(2, [str(PROGRAM), *wanted.split()], **environ).stdout
    assert said == f"device: CUDA on each of 2 ranks, double precision, sums {about}\n"


def test_the_stand_in_gives_no_array_away_that_is_still_written():
    with fake_cupy() as cupy:
        stream = cupy.cuda.Stream(non_blocking=True).use()
        a = cupy.zeros(5)
        for ask in (lambda: a.__dlpack__(stream=-1), lambda: a.__cuda_array_interface__):
            stream.synchronize()
            ask()
            a.fill(1)
            with pytest.raises(cupy.Race, match="before the host has waited"):
                ask()
