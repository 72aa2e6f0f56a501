"""`map.stxm` under real ranks: its images have the same bits on any number of them."""

import h5py
import pytest

from tests.test_jobs import JOBS

NAMES = ("moments", "transmission", "dark_field", "slope_y", "slope_x", "dpc_phase")


@pytest.mark.slow
def test_one_two_and_three_ranks_give_the_same_bits(mpirun_here, tmp_path):
    """Frames are spread by k-means, so that each number of ranks has others together"""
    bits = []
    for n in (1, 2, 3):
        words = ["-m", "nanompi", "run", str(JOBS / "stxm.yaml"), "--out", str(tmp_path / str(n))]
        mpirun_here(n, [*words, "--set", "input.simulate.frames=121", "--set", "steps.ptycho.engines=AP*1"])
        with h5py.File(tmp_path / str(n) / "stxm" / "latest" / "result.h5") as file:
            bits.append([file[f"entry_1/{name}/data"][()].tobytes() for name in NAMES])
    assert bits[0] == bits[1] == bits[2] and all(any(part) for part in bits[0])
