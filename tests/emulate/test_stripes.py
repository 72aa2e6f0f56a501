"""Columns ranked and smoothed on a card, emulated, against the contract; threads in other orders."""

import numpy as np
import pytest

from nanompi.data.blocks import Info
from nanompi.device.kernels import layout, stripes_cuda
from nanompi.methods.tomo.stripes.step import Stripes
from tests.device.test_stripes import CONTRACT, SIZES, everything, ranked, sinograms
from tests.emulate.gpu import Gpu, kernels
from tests.methods.tomo.steps import run_of
from tests.methods.tomo.stripes.test_remove import clean, striped
from tests.methods.tomo.stripes.test_step import WEAK, data_of, lines, removed


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


@pytest.mark.slow
@pytest.mark.parametrize("method", ["auto", "all", "gain", "sort"])
def test_the_step_on_a_card_gives_what_it_gives_on_the_cpu(card, method):
    """Sinograms without stripes, with weak ones, with dead columns"""
    block = lines(clean(), WEAK, striped())
    want, _ = removed(block, method=method)
    with card("single") as device:
        run = run_of("single")
        run.device = device
        one, data = Stripes(method=method), data_of()
        one.start(run, data)
        info = Info(data, np.arange(3), {"row": np.arange(3)}, device, ("row", "angle", "column"))
        got = one.block(device.array(block), info)
        assert isinstance(got, device.xp.ndarray)
        one.finish(run)
        assert device.host(got) == pytest.approx(want, abs=2e-4)  # values that are equal may change ranks
        assert (abs(device.host(got) - want) > 1e-5).mean() < 1e-3
