"""From projections to rows over real ranks: the same bits on any number, from any file, in any memory."""

from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "rows_program.py"


@pytest.mark.every_mpi
@pytest.mark.slow
def test_rows_have_the_same_bits_whatever_way_they_came(mpirun, tmp_path):
    """Seven rows of 23 projections; and two of them, on three ranks of which one has none"""
    for n in (1, 2, 3):
        mpirun(n, PROGRAM, tmp_path)
    for kind, number in {"True": 4 * 3 + 3, "False": 4 * 3 + 2 * 3, "few": 3}.items():
        every = {path.name: np.load(path) for path in sorted(tmp_path.glob(f"*{kind}*.npy"))}
        assert len(every) == number, sorted(every)
        first = every.popitem()[1]
        assert [name for name, one in every.items() if one.tobytes() != first.tobytes()] == []
