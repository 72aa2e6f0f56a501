"""Tomography under real ranks: the volume has the same bits on any number of them."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conftest import shared_data
from tests.mpi.tomo_program import ITERATED
from tests.test_jobs import JOBS

PROGRAM = Path(__file__).parent / "tomo_program.py"


@pytest.mark.slow
def test_one_two_and_three_ranks_give_the_same_bits(mpirun, tmp_path):
    """Five slices, and two of them on three ranks, one of which has none"""
    for n in (1, 2, 3):
        mpirun(n, PROGRAM, tmp_path)
    one, two, three = (dict(np.load(tmp_path / f"{n}.npz")) for n in (1, 2, 3))
    assert one.keys() == {"rows 2", "rows 5", "centred", *ITERATED}
    for name, slices in one.items():
        assert slices.dtype == np.float32 and slices.any(axis=(1, 2)).all()
        assert slices.tobytes() == two[name].tobytes() == three[name].tobytes()


JOBS_ON_RANKS = [
    pytest.param("tomo", (8, 128, 128), marks=pytest.mark.slow),
    pytest.param("tooth", (2, 640, 640), marks=[pytest.mark.slow, pytest.mark.real]),
]


@pytest.mark.parametrize("name, shape", JOBS_ON_RANKS)
def test_a_job_writes_the_same_bits_on_any_number_of_ranks(mpirun_here, tmp_path, name, shape):
    """As a user runs it; what the others hold, rank 0 writes. The tooth: a reader, a function of the user's
    own, and two slices on three ranks"""
    volumes, data = [], {"NANOMPI_DATA": str(shared_data("."))} if name == "tooth" else {}
    for n in (1, 2, 3):
        words = ["-m", "nanompi", "run", str(JOBS / f"{name}.yaml"), "--out", str(tmp_path / str(n))]
        mpirun_here(n, words, **data)
        with h5py.File(tmp_path / str(n) / name / "latest" / "result.h5") as file:
            volumes.append(file["entry_1/data/data"][()])
    assert volumes[0].shape == shape and volumes[0].any(axis=(1, 2)).all()
    assert volumes[0].tobytes() == volumes[1].tobytes() == volumes[2].tobytes()
