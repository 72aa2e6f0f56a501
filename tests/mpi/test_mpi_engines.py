"""The answer of an engine does not depend on the number of ranks."""

from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "engines.py"
ONE, MANY = (1, "allreduce"), [(2, "allreduce"), (3, "allreduce"), (2, "overlap"), (3, "overlap")]


@pytest.fixture(scope="module")
def outcomes(mpirun, tmp_path_factory) -> dict:
    """What 1, 2 and 3 ranks give, where each holds the whole object, and where each holds a part."""
    folder, out = tmp_path_factory.mktemp("engines"), {}
    for n, combine in ONE, *MANY:
        mpirun(n, PROGRAM, folder / f"{n}.npz", combine)
        out[n, combine] = dict(np.load(folder / f"{n}.npz"))
    return out


@pytest.mark.every_mpi
@pytest.mark.slow
@pytest.mark.parametrize("n, combine", MANY)
def test_five_iterations_of_every_engine_are_the_same(outcomes, n, combine):
    one, many = ({k: v for k, v in outcomes[i].items() if "/" in k} for i in (ONE, (n, combine)))
    assert {key.split("/")[1] for key in one} >= {"DM", "AP", "RAAR", "rPIE", "ML"} and len(one) >= 5 * 5 * 4
    assert set(many) == set(one)
    for key, want in one.items():
        if key.endswith("figures"):  # numbers of different size: each by itself
            assert np.allclose(many[key], want, rtol=1e-9, atol=0), key
        else:
            assert abs(many[key] - want).max() <= 1e-9 * abs(want).max(), key


@pytest.mark.every_mpi
@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3])
def test_single_precision_reaches_the_same_r_factor(outcomes, n):
    """Sums of another order differ by rounding; 100 iterations of DM let that grow, yet not to be seen in
    R."""
    one, many = outcomes[ONE]["R"], outcomes[n, "allreduce"]["R"]
    assert outcomes[n, "allreduce"]["O"].dtype == np.complex64 and 0.03 < one[-1] < 0.06  # noise alone: 0.05
    assert abs(many[-1] / one[-1] - 1) < 0.01, (many[-1], one[-1])
