"""What happens to an object between two projections: numba against the contract, and against what it stands
for."""

import numpy as np
import pytest

from nanompi.device.kernels import load
from tests.device.same import same

CONTRACT, NUMBA = load(""), load("_cpu")
TEXTS = pytest.mark.parametrize("K", [CONTRACT, NUMBA], ids=["contract", "numba"])
SAME = {np.float32: 2e-7, np.float64: 1e-15}
SIZES = [(2, 12, 10), (1, 7, 9), (3, 1, 1), (0, 4, 4), (2, 33, 40)]
HOW = [(0.0, 0.0, 0.0), (1.0, -0.9, 0.0), (0.8, -0.6, 1.0)]  # ER, HIO, RAAR


def constrained(K, real, shape, how=HOW[2], positive=True):
    rng = np.random.default_rng(1)
    kind = np.result_type(real, np.complex64)
    psi, z = ((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(kind) for _ in range(2))
    S = (rng.random(shape) > 0.5).astype(bool)
    K.constrain(psi, z, S, *map(real, how), positive)
    return [psi]


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("real", SAME)
@pytest.mark.parametrize("shape", SIZES)
def test_numba_equals_contract(shape, real, how, positive):
    want = constrained(CONTRACT, real, shape, how, positive)
    same(want, constrained(NUMBA, real, shape, how, positive), SAME[real])


@TEXTS
def test_inside_the_support_the_projection_stays_and_outside_it_is_fed_back(K):
    psi, z = np.array([[[1 + 1j, 2 + 0j]]]), np.array([[[3 - 1j, 5 + 2j]]])
    K.constrain(psi, z, np.array([[[1, 0]]], bool), 1.0, -0.5, 0.0, False)
    assert psi.tolist() == [[[3 - 1j, -0.5 - 1j]]]


@TEXTS
def test_raar_of_a_positive_object_asks_the_reflection(K):
    """2 z - psi is 2 * 1 - 3 < 0 in the first pixel, 2 * 2 - 3 > 0 in the second: its imaginary part goes"""
    psi, z, S = np.array([[[3 + 0j, 3 + 0j]]]), np.array([[[1 + 1j, 2 + 1j]]]), np.ones((1, 1, 2), bool)
    K.constrain(psi, z, S, 0.8, -0.6, 1.0, True)
    assert psi[0, 0] == pytest.approx(np.array([0.8 * 3 - 0.6 * (1 + 1j), 2]))
