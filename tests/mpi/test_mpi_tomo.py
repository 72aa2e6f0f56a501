"""Tomography under real ranks: the volume has the same bits on any number of them."""

from pathlib import Path

import numpy as np

PROGRAM = Path(__file__).parent / "tomo_program.py"


def test_one_two_and_three_ranks_give_the_same_bits(mpirun, tmp_path):
    """Five slices, and two of them on three ranks, one of which has none"""
    for n in (1, 2, 3):
        mpirun(n, PROGRAM, tmp_path)
    one, two, three = (dict(np.load(tmp_path / f"{n}.npz")) for n in (1, 2, 3))
    assert one.keys() == {"rows 2", "rows 5"}
    for name, slices in one.items():
        assert slices.dtype == np.float32 and slices.any(axis=(1, 2)).all()
        assert slices.tobytes() == two[name].tobytes() == three[name].tobytes()
