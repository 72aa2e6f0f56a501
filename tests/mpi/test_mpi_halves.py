"""Halves of a scan on groups of ranks: the same images on any number of ranks."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parent / "halves_program.py"


@pytest.fixture(scope="module")
def outcomes(mpirun, tmp_path_factory) -> dict:
    folder, out = tmp_path_factory.mktemp("halves"), {}
    for n, combine in ((1, "allreduce"), (2, "allreduce"), (3, "overlap")):
        mpirun(n, PROGRAM, folder / f"{n}.npz", combine)
        out[n] = dict(np.load(folder / f"{n}.npz"))
    return out


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("way", ["frames", "counts"])
def test_ranks_do_not_change_the_halves(outcomes, n, way):
    one, many = outcomes[1], outcomes[n]
    assert one[f"{way}/way"] == many[f"{way}/way"] == way
    assert np.allclose(many[f"{way}/curve"], one[f"{way}/curve"], rtol=1e-9, atol=1e-9)
    assert np.allclose(many[f"{way}/held"], one[f"{way}/held"], rtol=1e-9, atol=0, equal_nan=True)
    assert one[f"{way}/same"] and many[f"{way}/same"], "object and probe of the whole run have changed"


def test_frames_of_the_other_half_judge(outcomes):
    """After 7 iterations far from counting noise, and only where frames were unseen"""
    held, error = outcomes[1]["frames/held"]
    assert held > 1 and 0 < error < held and "unseen frames" in str(outcomes[1]["frames/words"])
    assert np.isnan(outcomes[1]["counts/held"]).all() and "unseen" not in str(outcomes[1]["counts/words"])
