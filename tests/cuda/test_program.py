"""The whole program on a real card, on one rank and on two that share it."""

import pytest

from tests.emulate.test_program import JOB, job, run, same, want  # noqa: F401
from tests.mpi.conftest import mpirun, python  # noqa: F401  (fixtures)

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _a_card(cupy_here):
    """Skips without one."""


@pytest.mark.parametrize("combine", ["allreduce", "overlap"])
def test_two_ranks_share_the_object(mpirun, job, want, combine):  # noqa: F811
    words = ["-m", "nanompi", "run", "job.yaml", "--out", combine, "--set", "run.device=cuda"]
    mpirun(2, [*words, "--set", f"steps.ptycho.combine={combine}"], seconds=300)
    same(job / f"{combine}/x/latest", want)


@pytest.mark.parametrize("transport", ["staged", "auto"])
def test_two_ranks_share_the_card(mpirun, job, want, transport):  # noqa: F811
    words = ["-m", "nanompi", "run", "job.yaml", "--out", transport, "--set", "run.device=cuda"]
    said = mpirun(2, [*words, "--set", f"run.transport={transport}"], seconds=300).stdout
    assert "device: CUDA on each of 2 ranks, double precision, sums " in said
    same(job / f"{transport}/x/latest", want)


def test_auto_takes_the_card(job, want):  # noqa: F811
    assert "device: CUDA on each of 1 rank" in run("--out", "auto").stdout
    same(job / "auto/x/latest", want)
