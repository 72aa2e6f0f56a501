"""Joseph's pair on a card, emulated, against the contract; threads and blocks in other orders."""

import numpy as np
import pytest

from nanompi.device.kernels import layout
from tests.device.same import same
from tests.device.test_joseph import ADJOINT, CONTRACT, SIZES, pair
from tests.emulate.gpu import Gpu, kernels


@pytest.mark.parametrize("real, most", [(np.float32, 1e-5), (np.float64, 1e-13)])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("axis", [9.7, -3.0])
def test_equals_contract(real, most, size, axis):
    want, got = (pair(K, real, size, axis)[2:] for K in (CONTRACT, kernels(Gpu(real))))
    same(want, got, most)


@pytest.mark.parametrize("real", ADJOINT)
def test_the_adjoint(real):
    f, q, p, b = (a.astype(np.float64) for a in pair(kernels(Gpu(real)), real, SIZES[0], 16.0))
    forth, back = (p * q).sum((0, 1)), (f * b).sum((0, 1))
    assert (abs(forth - back) <= ADJOINT[real] * np.sqrt((p**2).sum((0, 1)) * (q**2).sum((0, 1)))).all()


@pytest.mark.parametrize("order", [-1, 1, 2, 3])
def test_order_of_threads_and_blocks_does_not_matter(order):
    want, got = (pair(kernels(Gpu(np.float32, order=o)), np.float32, SIZES[1], 10.0) for o in (0, order))
    assert all(np.array_equal(a, b) for a, b in zip(want, got))


def test_more_angles_than_blocks_and_no_angles(monkeypatch):
    monkeypatch.setattr(layout, "MOST", 3)
    same(
        pair(CONTRACT, np.float64, SIZES[0], 9.0)[2:],
        pair(kernels(Gpu(np.float64)), np.float64, SIZES[0], 9.0)[2:],
        1e-13,
    )
    K, none = kernels(Gpu(np.float64)), np.empty((0, 5, 16))
    K.project_rays(np.ones((4, 4, 16)), np.empty((0, 2)), 2.0, none, 0, 1)
    out = np.ones((4, 4, 16))
    K.backproject_rays(none, np.empty((0, 2)), 2.0, out, 0, 1)
    assert not out.any()
