"""The answer of an engine does not depend on the number of ranks."""

from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "engines.py"


@pytest.fixture(scope="module")
def outcomes(mpirun, tmp_path_factory) -> dict:
    """What 1, 2 and 3 ranks give."""
    folder = tmp_path_factory.mktemp("engines")
    for n in (1, 2, 3):
        mpirun(n, PROGRAM, folder / f"{n}.npz")
    return {n: dict(np.load(folder / f"{n}.npz")) for n in (1, 2, 3)}


@pytest.mark.parametrize("n", [2, 3])
def test_five_iterations_of_every_engine_are_the_same(outcomes, n):
    one, many = ({k: v for k, v in outcomes[i].items() if "/" in k} for i in (1, n))
    assert {key.split("/")[1] for key in one} >= {"DM", "AP", "RAAR", "ML"} and len(one) >= 5 * 4 * 4
    assert set(many) == set(one)
    for key, want in one.items():
        if key.endswith("figures"):  # numbers of different size: each by itself
            assert np.allclose(many[key], want, rtol=1e-9, atol=0), key
        else:
            assert abs(many[key] - want).max() <= 1e-9 * abs(want).max(), key


@pytest.mark.parametrize("n", [2, 3])
def test_single_precision_reaches_the_same_r_factor(outcomes, n):
    """Sums of another order differ by rounding; 100 iterations of DM let that grow, yet not to be seen in
    R."""
    one, many = outcomes[1]["R"], outcomes[n]["R"]
    assert outcomes[n]["O"].dtype == np.complex64 and 0.03 < one[-1] < 0.06  # the noise alone gives 0.05
    assert abs(many[-1] / one[-1] - 1) < 0.01, (many[-1], one[-1])
