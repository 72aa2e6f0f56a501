"""The constraints on a card, emulated, against the contract, in any order of threads; and whole starts."""

import numpy as np
import pytest

from nanompi.device.kernels import layout
from tests.device.same import same
from tests.device.test_support import CONTRACT, HOW, SAME, SIZES, constrained
from tests.emulate.gpu import Gpu, kernels


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("real", SAME)
@pytest.mark.parametrize("shape", SIZES)
def test_equals_contract(shape, real, how, positive, monkeypatch):
    want = constrained(CONTRACT, real, shape, how, positive)
    same(want, constrained(kernels(Gpu(real)), real, shape, how, positive), SAME[real])
    monkeypatch.setattr(layout, "MOST", 2)  # a block does several images
    same(want, constrained(kernels(Gpu(real)), real, shape, how, positive), SAME[real])


@pytest.mark.parametrize("order", [-1, 1, 2])
def test_order_of_threads_and_blocks_does_not_matter(order):
    want, got = (constrained(kernels(Gpu(np.float32, order=o)), np.float32, (2, 33, 17)) for o in (0, order))
    assert np.array_equal(want[0], got[0])
