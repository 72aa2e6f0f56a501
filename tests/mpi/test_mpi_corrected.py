"""All corrections at once, far and near field, frames moving between ranks: the same on any number of them"""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parent / "corrected_program.py"


def test_ranks_do_not_change_what_is_corrected(mpirun, tmp_path):
    """Flux, background and positions with rPIE, DM and ML; regions on two ranks, whole objects on three"""
    made = {}
    for n, combine in ((1, "allreduce"), (2, "overlap"), (3, "allreduce")):
        mpirun(n, PROGRAM, tmp_path / f"{n}.npz", combine)
        made[n] = dict(np.load(tmp_path / f"{n}.npz"))
    one = made.pop(1)
    for field in ("far", "near"):
        assert np.std(one[f"{field}/flux"]) > 0.05 and abs(one[f"{field}/moves"]).max() > 0.3
    for n, many in made.items():
        assert set(many) == set(one)
        for name, values in one.items():
            assert abs(many[name] - values).max() <= 1e-9 * abs(values).max(), (n, name)
