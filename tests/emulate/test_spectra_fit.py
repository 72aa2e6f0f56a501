"""Fits of spectra on a card, emulated, against the contract; threads in other orders."""

import numpy as np
import pytest

from nanompi.device import Cpu
from nanompi.device.kernels import spectra_fit_cuda
from nanompi.errors import ResourceError
from nanompi.methods.maps.linear_fit import LinearFit
from tests.device.test_spectra_fit import CONTRACT, least_squares, poisson_fit, same, scene
from tests.emulate.gpu import Gpu, kernels


def real_of(y):
    """A scene without the NaN as whole counts"""
    return np.nan_to_num(y).astype(np.uint16)


@pytest.mark.parametrize("by_counts", [True, False])
@pytest.mark.parametrize("signed", [True, False])
def test_least_squares_equals_the_contract(signed, by_counts):
    y, A, detector, scale, _ = scene(16)
    own = {
        "signed": signed,
        "by_counts": by_counts,
        "weights": 1 / (np.nan_to_num(y).mean(0, dtype=float) + 0.1),
    }
    want, got = (least_squares(K, y, A, detector, scale, **own) for K in (CONTRACT, kernels(Gpu(np.float64))))
    same(got, want, 1e-7)


@pytest.mark.parametrize("real, tolerance", [(np.float64, 1e-7), (np.float32, 3e-4)])
def test_poisson_equals_the_contract(real, tolerance):
    y, A, detector, scale, _ = scene(16)
    want, got = (
        poisson_fit(K, y, A, detector, scale, r)
        for K, r in ((CONTRACT, np.float64), (kernels(Gpu(real)), real))
    )
    same(got, want, tolerance)


@pytest.mark.parametrize("fit", [least_squares, poisson_fit])
@pytest.mark.parametrize("order", [-1, 1, 2])
def test_order_of_threads_and_blocks_does_not_matter(fit, order, monkeypatch):
    """Whole counts; blocks do several spectra each"""
    y, A, detector, scale, _ = scene(7)
    monkeypatch.setattr(spectra_fit_cuda, "_ABREAST", 3)
    want, got = (fit(kernels(Gpu(np.float64, order=o)), real_of(y), A, detector, scale) for o in (0, order))
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(want, got))


@pytest.mark.parametrize("method", [pytest.param("poisson", marks=pytest.mark.slow), "nnls"])
def test_a_fit_on_a_card_is_that_on_the_cpu(card, method):
    y, A, detector, scale, _ = scene(7)
    fit = LinearFit(A, detector)
    want = fit.fit(Cpu("double"), real_of(y), scale, method)
    with card("double") as device:
        got = fit.fit(device, device.array(real_of(y)), scale, method)
        assert all(isinstance(one, device.xp.ndarray) for one in got)
        for a, b in zip(map(device.host, got), want):
            assert a == pytest.approx(b, rel=1e-5, abs=1e-5, nan_ok=True)


def test_more_columns_than_a_block_holds_are_refused():
    y, A, detector, scale, _ = scene(7)
    with pytest.raises(ResourceError, match="at most 64 columns, not 65"):
        least_squares(kernels(Gpu(np.float64)), y, np.ones((len(A), 65)), detector, scale, by_counts=False)
