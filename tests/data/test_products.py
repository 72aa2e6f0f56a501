"""Sums of products do not depend on where their rows are."""

import numpy as np

from nanompi.data.products import SIDE, products, sums
from nanompi.mpi.team import Team

TEAM = Team(alone=True)
RNG = np.random.default_rng(1)
A = RNG.normal(size=(2 * SIDE + 77, 5)) * [1, 1e-3, 10, 1, 1]
B = RNG.random((2 * SIDE + 77, 3))


def test_they_are_right():
    """2^-41 of the largest values in each factor, of which sums of 4173 hold a random walk"""
    off = products(TEAM, A, B) - A.T @ B
    assert np.abs(off).max() < 1e-12 * np.abs(A).max() * np.sqrt(len(A)) * 8


def test_the_order_of_the_rows_is_nothing():
    mixed = RNG.permutation(len(A))
    assert np.array_equal(products(TEAM, A, B), products(TEAM, A[mixed], B[mixed]))
    assert np.array_equal(sums(TEAM, A), sums(TEAM, A[mixed]))


def test_nothing_is_nothing():
    assert not products(TEAM, A[:0], B[:0]).any()
