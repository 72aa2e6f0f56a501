"""Alignment under real ranks: the same bits on any number of them."""

from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "align_program.py"


@pytest.mark.slow
def test_one_two_and_three_ranks_align_to_the_same_bits(mpirun, tmp_path):
    """20 projections of 33 rows: neither is shared evenly by three"""
    for n in (1, 2, 3):
        mpirun(n, PROGRAM, tmp_path)
    one, two, three = (dict(np.load(tmp_path / f"{n}.npz")) for n in (1, 2, 3))
    assert one["lines"].any() and one["lines"].dtype == np.float32
    assert not np.isclose(np.rad2deg(one["angles"]), 63).any()
    for name, values in one.items():
        assert values.tobytes() == two[name].tobytes() == three[name].tobytes()
