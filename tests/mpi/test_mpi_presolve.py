"""A presolve at half resolution: the same on any number of ranks."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parent / "presolve_program.py"


def test_ranks_do_not_change_the_presolve(mpirun, tmp_path):
    """Whole objects on two ranks, regions on three, with modes, sub-pixel shifts, flux and frames left out"""
    made = {}
    for n, combine in ((1, "allreduce"), (2, "allreduce"), (3, "overlap")):
        mpirun(n, PROGRAM, tmp_path / f"{n}.npz", combine)
        made[n] = dict(np.load(tmp_path / f"{n}.npz"))
    one = made.pop(1)
    assert np.ptp(abs(one["plain/begun"])) > 0.1 and len(one["plain/error"]) == 7
    for n, many in made.items():
        for name, values in one.items():
            wide = abs(values).max()
            assert np.allclose(many[name], values, rtol=0, atol=1e-9 * wide), (n, name)
