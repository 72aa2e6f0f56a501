"""Small systems side by side against LAPACK, one by one."""

import numpy as np

from nanompi.methods.maps.xanes.side_by_side import ABREAST, solved


def systems(n: int, m: int = 6):
    """A positive definite matrix, right sides, and which columns each uses, some none"""
    rng = np.random.default_rng(3)
    A = rng.normal(size=(40, m))
    return A.T @ A, rng.normal(size=(n, m)), rng.random((n, m)) < 0.6


def test_each_is_solved_in_its_own_columns():
    """As by LAPACK to 1e-12, the condition being below 100; 0 in columns out of use"""
    matrix, right, used = systems(300)
    used[7] = False
    got = solved(matrix, right, used)
    for x, b, own in zip(got, right, used):
        assert not x[~own].any()
        assert np.abs(x[own] - np.linalg.solve(matrix[np.ix_(own, own)], b[own])).max(initial=0) < 1e-12


def test_a_system_has_the_same_bits_wherever_it_stands():
    """Also where more are solved than stand side by side; none at all are none"""
    matrix, right, used = systems(ABREAST + 30)
    whole = solved(matrix, right, used)
    for k in (0, 5, ABREAST + 11):
        alone = solved(matrix, right[k : k + 1], used[k : k + 1])
        assert alone.tobytes() == whole[k : k + 1].tobytes()
    assert solved(matrix, right[:0], used[:0]).shape == (0, 6)
