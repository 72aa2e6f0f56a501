"""Diffraction maps under real ranks: what they give has the same bits on any number of them."""

import h5py
import pytest

from tests.test_jobs import JOBS

SHORT = ["input.simulate.rows=4", "input.simulate.columns=3", "input.simulate.size=128"]
NAMES = ("pattern/I", "pattern/I_errors", "peaks/data", "peaks/data_errors", "peaks_chi2/data")
NAMES += ("strain_xx/data", "strain_yy/data_errors", "texture_CeO2_111/data", "direction_CeO2_200/data")


@pytest.mark.slow
def test_one_two_and_three_ranks_give_the_same_bits(mpirun_here, tmp_path):
    bits = []
    for n in (1, 2, 3):
        words = ["-m", "nanompi", "run", str(JOBS / "xrd-simulated.yaml"), "--out", str(tmp_path / str(n))]
        more = [w for text in [*SHORT, "input.simulate.pixel=3e-4"] for w in ("--set", text)]
        mpirun_here(n, [*words, *more])
        with h5py.File(tmp_path / str(n) / "xrd-simulated" / "latest" / "result.h5") as file:
            bits.append([file[f"entry_1/{name}"][()].tobytes() for name in NAMES])
    assert bits[0] == bits[1] == bits[2] and all(any(part) for part in bits[0])
