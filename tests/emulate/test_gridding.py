"""The kernels of direct reconstructions on a card, emulated, against the contract, in other orders, too."""

import numpy as np
import pytest

from nanompi.device.kernels import layout
from tests.device import test_backproject as back
from tests.device import test_gridding as grids
from tests.device import test_paired as pairs
from tests.device.same import same
from tests.emulate.gpu import Gpu, kernels

REALS = pytest.mark.parametrize("real", [np.float32, np.float64])
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}
CONTRACT = back.CONTRACT


def complex_of(real):
    return np.result_type(real, np.complex64).type


def on_card(real, order=0):
    return kernels(Gpu(real, order=order))


def all_of(K, real):
    """What each kernel makes of a scene"""
    dtype = complex_of(real)
    s = grids.Scene(dtype, k=16, R=60)
    return [
        s.spread(K),
        s.collect(K),
        back.image(K, back.rays(real), back.ALL, 41, [20.0, 30, 7.5, 0, 11]),
        pairs.rays(K, dtype, True)[-1],
        pairs.rays(K, dtype, False)[-1],
        pairs.filtered(K, dtype)[-1],
        pairs.planes(K, dtype, 21)[-1],
        pairs.planes(K, dtype, pairs.G)[-1],
    ]


@REALS
def test_equals_contract(real):
    same(all_of(CONTRACT, real), all_of(on_card(real), real), TOLERANCE[real])


@REALS
def test_each_is_the_adjoint_of_the_other(real):
    s, K = grids.Scene(complex_of(real), k=8), on_card(real)
    spread, collected = s.spread(K), s.collect(K)
    one, two = np.vdot(spread, s.grid).real, np.vdot(s.samples, collected).real
    limit = {np.float32: 1e-6, np.float64: 1e-12}[real]
    assert abs(one - two) <= limit * np.linalg.norm(spread) * np.linalg.norm(s.grid)


@pytest.mark.parametrize("order", [-1, 1, 2])
def test_order_of_threads_and_blocks_does_not_matter(order):
    want, got = (all_of(on_card(np.float32, o), np.float32) for o in (0, order))
    assert all(np.array_equal(a, b) for a, b in zip(want, got, strict=True))


def test_more_rays_than_blocks(monkeypatch):
    monkeypatch.setattr(layout, "MOST", 3)
    want, got = (all_of(K, np.float64) for K in (CONTRACT, on_card(np.float64)))
    same(want[1:2] + want[3:], got[1:2] + got[3:], 1e-12)


def test_sums_are_added_to_what_is_there_and_no_slice_is_no_error():
    s, K = grids.Scene(np.complex128, k=8, R=30), on_card(np.float64)
    grid = s.grid.copy()
    K.spread(s.samples, s.turn, s.step, s.window, grid, 0, 1)
    same([s.grid + s.spread(CONTRACT)], [grid], 1e-13)
    assert back.image(K, back.rays(np.float64), back.ALL, 8, []).shape == (0, 8, 8)
