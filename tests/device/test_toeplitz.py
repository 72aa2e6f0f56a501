"""Convolution between packed transforms, and the dual of total variation: numba against the contract, and
against what they stand for."""

import numpy as np
import pytest

from nanompi.device.kernels import load
from tests.device.same import same

CONTRACT, NUMBA = load(""), load("_cpu")
TEXTS = pytest.mark.parametrize("K", [CONTRACT, NUMBA], ids=["contract", "numba"])
SAME = {np.float32: 2e-6, np.float64: 1e-14}
SIZES = [(2, 12, 10), (1, 7, 9), (3, 1, 1), (0, 4, 4), (2, 32, 16)]


def waves(real, shape):
    rng = np.random.default_rng(1)
    Z = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return Z.astype(np.result_type(real, np.complex64)), *rng.random((2, *shape[1:])).astype(real)


def convolved(K, real, shape):
    Z, own, mirror = waves(real, shape)
    K.convolve(Z, own, mirror)
    return [Z]


def dual(K, real, shape, weight=0.3, rounds=3):
    """d after some rounds, and u"""
    rng = np.random.default_rng(2)
    g, d = rng.random(shape).astype(real), np.zeros((shape[0], 2, *shape[1:]), real)
    weights, u = np.linspace(weight, 2 * weight, shape[0]).astype(real), np.full_like(g, np.nan)
    for _ in range(rounds):
        new = np.full_like(d, np.nan)
        K.tv_dual(g, d, weights, new)
        d = new
    K.tv_primal(g, d, weights, u)
    return [d, u]


@pytest.mark.parametrize("work", [convolved, dual])
@pytest.mark.parametrize("real", SAME)
@pytest.mark.parametrize("shape", SIZES)
def test_numba_equals_contract(work, real, shape):
    same(work(CONTRACT, real, shape), work(NUMBA, real, shape), SAME[real])


@TEXTS
@pytest.mark.parametrize("h, m", [(12, 10), (9, 7)])
def test_a_convolution_of_real_images(K, h, m):
    """With an even kernel, as a transform of the whole size does it"""
    rng = np.random.default_rng(3)
    f, kernel = rng.standard_normal((2, h, 2 * m))
    kernel += np.roll(kernel[::-1, ::-1], 1, (0, 1))
    H = np.fft.fft2(kernel).real
    turn, low, high = np.pi * np.arange(m) / m, H[:, :m], H[:, m:]
    Z = np.fft.fft2(f.view(complex))[None]
    half, rest = (low + high) / 2, (low - high) / 2
    K.convolve(Z, half - rest * np.sin(turn), rest * np.cos(turn))
    want = np.fft.ifft2(np.fft.fft2(f) * H).real
    assert np.ascontiguousarray(np.fft.ifft2(Z[0])).view(float) == pytest.approx(want, abs=1e-12)


@TEXTS
def test_the_proximal_map_of_total_variation(K):
    """Of a step between two values, far from its ends: both come nearer by weight / length, as on paper"""
    g = np.zeros((1, 6, 40))
    g[:, :, 20:] = 1
    d = np.zeros((1, 2, 6, 40))
    weight, u = np.array([2.0]), np.empty_like(g)
    for _ in range(4000):
        new = np.empty_like(d)
        K.tv_dual(g, d, weight, new)
        d = new
    K.tv_primal(g, d, weight, u)
    assert u[0, :, :20] == pytest.approx(0.1, abs=1e-3) and u[0, :, 20:] == pytest.approx(0.9, abs=1e-3)
    assert np.hypot(d[:, 0], d[:, 1]).max() <= 1
