"""The geometry doctor on several ranks."""

from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "geometry_program.py"


@pytest.mark.slow
def test_transposed_frames_are_found_and_the_same_on_one_and_three_ranks(mpirun, tmp_path):
    """Each trial is done by one rank alone: the same bits"""
    found = []
    for n in (1, 3):
        mpirun(n, PROGRAM, tmp_path / f"{n}.npz")
        found.append(np.load(tmp_path / f"{n}.npz"))
    one, three = found
    assert one["best"].tolist() == [4, 0] and one["clear"]
    assert np.array_equal(one["deviance"], three["deviance"])
