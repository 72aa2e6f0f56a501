"""Convolution and total variation on a card, emulated, against the contract, in any order of threads."""

import numpy as np
import pytest

from nanompi.device.kernels import layout
from tests.device.same import same
from tests.device.test_toeplitz import CONTRACT, SAME, SIZES, convolved, dual
from tests.emulate.gpu import Gpu, kernels


@pytest.mark.parametrize("work", [convolved, dual])
@pytest.mark.parametrize("real", SAME)
@pytest.mark.parametrize("shape", SIZES)
def test_equals_contract(work, real, shape, monkeypatch):
    want = work(CONTRACT, real, shape)
    same(want, work(kernels(Gpu(real)), real, shape), SAME[real])
    monkeypatch.setattr(layout, "MOST", 2)  # a block does several images
    same(want, work(kernels(Gpu(real)), real, shape), SAME[real])


@pytest.mark.parametrize("work", [convolved, dual])
@pytest.mark.parametrize("order", [-1, 1, 2])
def test_order_of_threads_and_blocks_does_not_matter(work, order):
    want, got = (work(kernels(Gpu(np.float32, order=o)), np.float32, (2, 33, 17)) for o in (0, order))
    assert all(np.array_equal(a, b) for a, b in zip(want, got))
