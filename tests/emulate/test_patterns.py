"""Diffraction patterns and their peaks on a card, emulated, against the contract; threads in other orders."""

import numpy as np
import pytest

from nanompi.device.kernels.peaks import GAUSS, LORENTZ, PSEUDO_VOIGT
from tests.device.test_integrate import DTYPES, integrated
from tests.device.test_peaks import CONTRACT, fitted, some_rows
from tests.emulate.gpu import Gpu, kernels


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_patterns_equal_the_contract(real, dtype):
    """The middles to the bit, sums to rounding"""
    want, got = (integrated(K, dtype) for K in (CONTRACT, kernels(Gpu(real))))
    assert got[0] == pytest.approx(want[0], rel=1e-12, abs=1e-12)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(want[1:], got[1:]))


@pytest.mark.parametrize("order", [-1, 1])
def test_order_of_threads_and_blocks_does_not_matter(order):
    want, got = (
        integrated(kernels(Gpu(np.float32, order=o)), np.uint16, P=200, B=9, k=1) for o in (0, order)
    )
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(want, got))


@pytest.mark.parametrize("shape", [PSEUDO_VOIGT, GAUSS, LORENTZ])
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_peaks_equal_the_contract(real, shape):
    """Rounding alone, in either precision"""
    x, y = some_rows()
    want, got = (fitted(K, x, y, shape) for K in (CONTRACT, kernels(Gpu(real))))
    assert np.array_equal(np.isnan(want[2]), np.isnan(got[2]))
    scale = np.where(want[1] > 0, want[1], 1)
    for a, b in zip(want[:2], got[:2]):
        assert np.nanmax(abs(a - b) / scale) < (1e-5 if real == np.float64 else 1e-3)
