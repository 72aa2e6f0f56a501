"""Moments of frames: numba and CUDA against the NumPy contract, to the bit where counts are whole numbers."""

import numpy as np
import pytest

from nanompi.device.kernels import layout, load
from tests.emulate.gpu import Gpu, kernels

CONTRACT, NUMBA = load(""), load("_cpu")


def moments(K, I, good, bright):
    h, w = I.shape[1:]
    out = np.full((len(I), 5), np.nan)
    K.moments(I, good, bright, np.arange(h) - h / 2, np.arange(w) - w / 2, out)
    return out


def scene(shape, dtype):
    """(counts of which some are not measured, good, bright)"""
    rng = np.random.default_rng(2)
    I = rng.integers(0, 65536, shape).astype(dtype)
    if dtype != np.uint16:
        I[rng.random(shape) < 0.1] = -1  # not measured
    good = rng.random(shape[1:]) > 0.1
    bright = good & (rng.random(shape[1:]) > 0.5)
    return I, good, bright


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(3, 12, 10), (2, 7, 33), (1, 1, 1), (0, 4, 4)])
def test_numba_equals_contract(dtype, shape):
    """Places of halves and whole counts: every sum is exact in float64, whatever its order"""
    I, good, bright = scene(shape, dtype)
    want, got = (moments(K, I, good, bright) for K in (CONTRACT, NUMBA))
    assert np.array_equal(want, got) and np.isfinite(got).all()


@pytest.mark.parametrize("order", [0, -1, 3])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(3, 12, 10), (2, 7, 133), (1, 1, 1), (0, 4, 4)])
def test_cuda_equals_contract(dtype, shape, order):
    """Emulated; to the bit, since all sums are exact; with threads in other orders"""
    I, good, bright = scene(shape, dtype)
    card = kernels(Gpu(np.float32, order=order))
    want, got = (moments(K, I, good, bright) for K in (CONTRACT, card))
    assert np.array_equal(want, got) and np.isfinite(got).all()


def test_blocks_go_on_to_further_frames(monkeypatch):
    monkeypatch.setattr(layout, "MOST", 2)
    I, good, bright = scene((5, 9, 8), np.uint16)
    assert np.array_equal(*(moments(K, I, good, bright) for K in (CONTRACT, kernels(Gpu(np.float32)))))


@pytest.mark.parametrize("K", [CONTRACT, NUMBA], ids=["contract", "numba"])
def test_one_count_has_the_place_of_its_pixel(K):
    I = np.zeros((1, 8, 6), np.uint16)
    I[0, 7, 1] = 3
    everywhere = np.ones((8, 6), bool)
    assert moments(K, I, everywhere, everywhere).tolist() == [[3, 0, 3 * 3, -2 * 3, 3]]
    assert moments(K, I, everywhere, ~everywhere).tolist() == [[0, 3, 3 * 3, -2 * 3, 3]]
    assert moments(K, I, ~everywhere, ~everywhere).tolist() == [[0, 0, 0, 0, 0]]


@pytest.mark.parametrize("K", [CONTRACT, NUMBA], ids=["contract", "numba"])
def test_the_brightest_frame_overflows_nothing(K):
    I = np.full((1, 300, 300), 65535, np.uint16)
    everywhere = np.ones((300, 300), bool)
    assert moments(K, I, everywhere, everywhere)[0, [0, 1, 4]].tolist() == [300 * 300 * 65535, 0, 65535]
