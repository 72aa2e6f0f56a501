"""The answer of an engine does not depend on the number of ranks."""

from pathlib import Path

import numpy as np

PROGRAM = Path(__file__).parent / "engines.py"


def outcomes(mpirun, folder, precision) -> dict:
    """What 1, 2 and 3 ranks give."""
    for n in (1, 2, 3):
        mpirun(n, PROGRAM, precision, folder / f"{n}.npz")
    return {n: dict(np.load(folder / f"{n}.npz")) for n in (1, 2, 3)}


def test_five_iterations_of_every_engine_are_the_same_on_1_2_3_ranks(mpirun, tmp_path):
    got = outcomes(mpirun, tmp_path, "double")
    one = got.pop(1)
    assert {key.split("/")[1] for key in one} >= {"DM", "AP", "RAAR", "ML"} and len(one) >= 5 * 4 * 4
    for n, many in got.items():
        assert set(many) == set(one)
        for key, want in one.items():
            if key.endswith("figures"):  # numbers of different size: each by itself
                assert np.allclose(many[key], want, rtol=1e-9, atol=0), (n, key)
            else:
                assert abs(many[key] - want).max() <= 1e-9 * abs(want).max(), (n, key)


def test_single_precision_reaches_the_same_r_factor(mpirun, tmp_path):
    """Sums of another order differ by rounding; 100 iterations of DM let that grow, yet not to be seen in R."""
    got = outcomes(mpirun, tmp_path, "single")
    want = got[1]["R"]
    assert got[1]["dtype"] == "complex64" and 0.03 < want[-1] < 0.06  # the noise alone gives 0.05
    for n in (2, 3):
        assert abs(got[n]["R"][-1] / want[-1] - 1) < 0.01, (n, got[n]["R"][-1], want[-1])
