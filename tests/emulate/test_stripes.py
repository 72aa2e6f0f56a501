"""Columns ranked and smoothed on a card, emulated, against the contract; threads in other orders."""

import numpy as np
import pytest

from nanompi.device.kernels import layout, stripes_cuda
from tests.device.test_stripes import CONTRACT, SIZES, everything, ranked, sinograms
from tests.emulate.gpu import Gpu, kernels


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_equals_contract(real, size):
    p = sinograms(real, *size[:3])
    want, got = (everything(K, p, size[3]) for K in (CONTRACT, kernels(Gpu(real))))
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(want[:4], got[:4]))
    assert got[4] == pytest.approx(want[4], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("order", [-1, 1, 2, 3])
def test_order_of_threads_and_blocks_does_not_matter(order):
    p = sinograms(np.float32, 2, 600, 5)
    want, got = (everything(kernels(Gpu(np.float32, order=o)), p, 5) for o in (0, order))
    assert all(np.array_equal(a, b) for a, b in zip(want, got))


def test_more_angles_than_shared_memory_holds(monkeypatch):
    """Columns are ranked in the memory of the card; blocks do several of them"""
    p = sinograms(np.float32, 1, 5000, 5)
    monkeypatch.setattr(stripes_cuda, "_BESIDE", 2)
    want, got = ranked(CONTRACT, p), ranked(kernels(Gpu(np.float32)), p)
    assert all(np.array_equal(a, b) for a, b in zip(want, got))


def test_more_columns_than_blocks(monkeypatch):
    p = sinograms(np.float64, 2, 9, 13)
    monkeypatch.setattr(layout, "MOST", 4)
    want, got = (everything(K, p, 3) for K in (CONTRACT, kernels(Gpu(np.float64))))
    assert all(np.array_equal(a, b) for a, b in zip(want[:4], got[:4]))
